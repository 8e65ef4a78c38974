package emulator

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/payctl/payctl/internal/emulator/daraja"
	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/wasaapay"
)

const calm = "calm"

// Weather is a preset of behaviours.
type Weather struct {
	Name       string   `json:"name"`
	Summary    string   `json:"summary"`
	Behaviours []string `json:"behaviours"`
}

// Weathers lists the presets, the default first.
func Weathers() []Weather {
	realistic := []string{
		"latency=measured", "query-pending=mixed", "query-early-400=1s", "query-noise=20%", "query-rate-limit=5/1m",
	}
	return []Weather{
		{Name: calm, Summary: "everything works and is fast", Behaviours: []string{}},
		{
			Name:       "realistic",
			Summary:    "the waiting times that were measured, and a query that hesitates, as on an ordinary day",
			Behaviours: realistic,
		},
		{
			Name:    "salary-day",
			Summary: "realistic, with a busy gateway: late, doubled and overtaking callbacks, and some lost ones",
			Behaviours: slices.Concat(realistic, []string{
				"system-busy=10%@push", "spike-arrest=5%", "callback-late=45s,20%", "callback-duplicate=3,20%",
				"callback-out-of-order=15%", "callback-lost=5%", "answer-lost=3%@push",
				"webhook-late=45s,20%", "webhook-duplicate=3,20%", "webhook-out-of-order=15%", "webhook-lost=5%",
				"socket-drop=20s,10%", "socket-event-lost=5%",
			}),
		},
		{
			Name:    "worst-case",
			Summary: "everything that was ever reported, at once",
			Behaviours: slices.Concat(realistic, []string{
				"expires-in=number", "single-token", "html-503=5%", "system-busy=10%@push", "spike-arrest=10%", "invalid-token=5%",
				"answer-lost=10%@push", "callback-before-answer=15%", "callback-late=90s,20%", "callback-duplicate=4,30%",
				"callback-out-of-order=25%", "callback-lost=15%", "callback-masked-phone=masked,50%",
				"callback-string-code=50%", "callback-reordered=50%", "callback-balance=number,30%",
				"result-collapse=20%", "result-missing-values=50%", "result-spaced-keys=30%", "result-timeout=10%",
				"rate-limit=60/1m", "error-form=flat,30%", "created-status=200,30%", "deposit-id=depositId,30%",
				"deposit-amount-number=30%", "failure-reason-missing=30%", "list-wrapped=30%",
				"webhook-late=90s,20%", "webhook-duplicate=4,30%", "webhook-out-of-order=25%", "webhook-lost=15%",
				"webhook-key-order=rotated,50%", "webhook-pretty=30%", "webhook-awkward-text=30%", "webhook-amount-number=30%",
				"socket-drop=5s,30%", "socket-no-authenticated=30%", "socket-no-subscribed=30%", "socket-event-lost=20%",
				"socket-event-duplicate=3,30%", "socket-extra-argument=30%",
			}),
		},
	}
}

// behaviours is every behaviour of every provider. A provider's rows are added with one line here.
func behaviours() *engine.Catalogue {
	return &engine.Catalogue{
		Rows: slices.Concat(daraja.Behaviours(), wasaapay.Behaviours()),
		APIs: slices.Concat(daraja.APIs(), wasaapay.APIs()),
	}
}

// Behaviours lists every switch, sorted by name.
func Behaviours() []engine.Behaviour { return behaviours().List() }

// startBehaviours applies the options' weather and behaviours.
func startBehaviours(opts Options) (*engine.Settings, error) {
	s := engine.NewSettings(behaviours(), opts.Seed)
	if err := applyWeather(s, cmp.Or(opts.Weather, calm)); err != nil {
		return nil, err
	}
	for _, text := range opts.Behaviours {
		if err := s.Set(text); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// applyWeather replaces all settings by those of a preset.
func applyWeather(s *engine.Settings, name string) error {
	presets := Weathers()
	i := slices.IndexFunc(presets, func(w Weather) bool { return w.Name == name })
	if i < 0 {
		names := make([]string, 0, len(presets))
		for _, w := range presets {
			names = append(names, w.Name)
		}
		return fmt.Errorf("weather %q is unknown%s", name, engine.Suggest(name, names))
	}
	s.Clear()
	for _, text := range presets[i].Behaviours {
		if err := s.Set(text); err != nil {
			return fmt.Errorf("weather %s: %w", name, err)
		}
	}
	return nil
}
