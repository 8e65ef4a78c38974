package cli

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// emulatorBehaviours is "payctl emulator behaviours".
type emulatorBehaviours struct {
	control
	set, unset []string
	weather    string
	running    bool
}

func newEmulatorBehaviours(s *session) *cobra.Command {
	v := &emulatorBehaviours{control: control{session: s}}
	cmd := &cobra.Command{
		Use:   "behaviours",
		Short: "List and switch the emulator's behaviours",
		Long: `Lists every contested or nasty behaviour with the page of the provider's
documentation that it is about: developer.safaricom.co.ke/apis/PAGE for daraja,
developers.wasaapay.com/docs/PAGE for wasaapay. With --running, --set, --unset or
--weather it speaks to a running emulator and shows how each stands.`,
		Example: "  payctl emulator behaviours\n  payctl emulator behaviours --set callback-lost --set callback-masked-phone",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringArrayVar(&v.set, "set", nil, "switch on: `NAME[=VALUE]` (repeatable)")
	f.StringArrayVar(&v.unset, "unset", nil, "switch off: `NAME` (repeatable)")
	f.StringVar(&v.weather, "weather", "", "change to this `PRESET` first")
	f.BoolVar(&v.running, "running", false, "show how a running emulator is set")
	v.bindURL(f)
	return cmd
}

// Run lists the behaviours, switched first where that is asked for.
func (v *emulatorBehaviours) Run(ctx context.Context) error {
	var views []view.Behaviour
	changes := len(v.set)+len(v.unset) > 0 || v.weather != ""
	switch {
	case changes:
		body := map[string]any{"set": v.set, "unset": v.unset, "weather": v.weather}
		if err := v.call(ctx, http.MethodPost, "behaviours", body, &views); err != nil {
			return err
		}
	case v.running:
		if err := v.call(ctx, http.MethodGet, "behaviours", nil, &views); err != nil {
			return err
		}
	default:
		for _, b := range emulator.Behaviours() {
			views = append(views, view.Behaviour{Behaviour: b})
		}
	}
	for i := range views {
		views[i].Section = v.providers.Page(views[i].Section)
	}
	return ui.List(v.out, ui.Columns("BEHAVIOUR", "", "VALUE", "WHAT HAPPENS", "PAGE"), views)
}
