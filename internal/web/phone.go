package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/page"
	"github.com/payctl/payctl/internal/payment"
)

// handset is the page of the emulator's phones.
type handset struct {
	// Absent is why there is nothing to show, "" when the emulator answers.
	Absent, Hint string
	Phones       []phone
	Create       string
	Digits       []string
	Outcomes     []emulator.Outcome
	Weather      string
	Weathers     []weather
	Behaviours   []behaviour
	Clock        clock
	Fates        []fate
	Refused      string
	// Said is what came of the last thing that was done here.
	Said     string
	Commands []command
}

// phone is one handset with its open prompts.
type phone struct {
	Number  string
	Prompts []prompt
}

type prompt struct {
	emulator.Prompt
	Expires moment
	Left    int
	Ended   string
}

type weather struct{ Name, Summary string }

type behaviour struct {
	Name, Summary string
	Active        bool
	Setting       *string
}

type clock struct {
	Mode    string    `json:"mode"`
	Now     time.Time `json:"now"`
	Pending int       `json:"pending"`
	NextIn  string    `json:"next_in"`
	Virtual bool      `json:"-"`
	Shown   moment    `json:"-"`
}

// Waits says what is due.
func (c clock) Waits() string {
	if c.Pending == 0 {
		return "nothing is due"
	}
	next, err := time.ParseDuration(c.NextIn)
	if err != nil {
		next = 0
	}
	return fmt.Sprintf("%d due, the first in %s", c.Pending, between(next))
}

// fate is what became of a callback that the emulator sent.
type fate struct {
	At           moment
	What, Status string
	Mark         page.Mark
}

// phone is GET /phone.
func (s *Server) phone(r *http.Request) (answer, error) {
	p := handset{Refused: s.refusal(), Said: said(r.URL.Query().Get("said")), Create: "payctl" + s.Flags + " deposit create --phone 0712345678 --amount 100 --reference INV-1"}
	a := answer{page: "phone", title: "Handset", data: &p}
	if s.Emulator == nil {
		p.Absent, p.Hint = "There is no emulator in this profile.", "payctl ui --profile local, or name one with --emulator http://127.0.0.1:4010"
		return a, nil
	}
	if err := s.ask(r.Context(), &p); err != nil {
		p.Absent, p.Hint = words(err)
	}
	return a, nil
}

// said spells what an action came to: the address names it, and says nothing itself.
func said(what string) string {
	return map[string]string{
		"left": "left alone; it will expire by itself", "late": "too late: the prompt is over", "clock": "the clock was moved",
		"weather": "the weather has changed", "behaviour": "the behaviour was switched", "paid": "sent: paid", "cancelled": "sent: cancelled",
		"wrong-pin": "sent: wrong PIN", "answered": "sent",
	}[what]
}

// ask reads all that the page shows of the emulator.
func (s *Server) ask(ctx context.Context, p *handset) error {
	var prompts []emulator.Prompt
	var state struct{ Weather string }
	var sent []emulator.Exchange
	for _, q := range []struct {
		path string
		into any
	}{
		{"prompts", &prompts},
		{"clock", &p.Clock},
		{"outcomes", &p.Outcomes},
		{"weathers", &p.Weathers},
		{"behaviours", &p.Behaviours},
		{"requests?direction=out&limit=8", &sent},
		{"state", &state},
	} {
		if err := s.Emulator(ctx, http.MethodGet, q.path, nil, q.into); err != nil {
			return err
		}
	}
	p.Digits = strings.Split("1234567890", "")
	p.Weather, p.Clock.Virtual, p.Clock.Shown = state.Weather, p.Clock.Mode == "virtual", s.moment(p.Clock.Now)
	for _, q := range prompts {
		s.ring(p, q)
	}
	slices.Reverse(sent)
	for i := range sent {
		p.Fates = append(p.Fates, s.fate(&sent[i]))
	}
	p.Commands = []command{
		{"payctl" + s.Flags + " emulator answer ID paid", "answer a prompt"},
		{"payctl" + s.Flags + " emulator clock advance 10s", "move a virtual clock"},
		{"payctl" + s.Flags + " emulator behaviours --weather realistic", "change the weather"},
	}
	return nil
}

// ring puts a prompt onto its phone.
func (s *Server) ring(p *handset, q emulator.Prompt) {
	number := q.Phone
	if parsed, err := payment.ParsePhone(q.Phone); err == nil && !s.ShowPhone {
		number = parsed.String()
	}
	ended := q.Outcome
	left := max(int(q.ExpiresAt.Sub(p.Clock.Now).Seconds()), 0)
	full := q.Phone
	q.Text, q.Reference = s.masked(q.Text), s.masked(q.Reference)
	shown := prompt{Prompt: q, Expires: s.moment(q.ExpiresAt), Left: left, Ended: ended}
	i := slices.IndexFunc(p.Phones, func(o phone) bool { return o.Prompts[0].Phone == full })
	if i < 0 {
		p.Phones = append(p.Phones, phone{Number: number})
		i = len(p.Phones) - 1
	}
	p.Phones[i].Prompts = append(p.Phones[i].Prompts, shown)
}

func (s *Server) fate(x *emulator.Exchange) fate {
	f := fate{At: s.moment(x.Time), What: x.API, Mark: page.Bad, Status: s.masked(x.Reason)}
	if u, err := url.Parse(x.URL); err == nil {
		f.What += " to " + u.Host
	}
	if x.Status > 0 {
		f.Status = strings.TrimSpace(http.StatusText(x.Status) + " " + f.Status)
	}
	if x.Status >= 200 && x.Status <= 299 {
		f.Mark = page.Good
	}
	return f
}

// answerPrompt is POST /phone/answer: a PIN, a key, or an outcome by name.
func (s *Server) answerPrompt(r *http.Request) (answer, error) {
	if err := s.play(r); err != nil {
		return answer{}, err
	}
	outcome, known := r.PostForm.Get("outcome"), true
	if typed := r.PostForm.Get("pin"); outcome == "" {
		outcome, known = emulator.Typed(strings.TrimSpace(typed))
	}
	if !known || outcome == "ignore" {
		return answer{to: "/phone?said=left"}, nil
	}
	err := s.Emulator(r.Context(), http.MethodPost, "answer", map[string]string{"id": r.PostForm.Get("id"), "outcome": outcome}, nil)
	if kind := payment.KindOf(err); err != nil && (kind == payment.KindConflict || kind == payment.KindNotFound) {
		return answer{to: "/phone?said=late"}, nil
	}
	if said(outcome) == "" {
		outcome = "answered"
	}
	return answer{to: "/phone?said=" + url.QueryEscape(outcome)}, err
}

// play is act for what plays the emulator.
func (s *Server) play(r *http.Request) error {
	if err := s.act(r); err != nil {
		return err
	}
	if s.Emulator == nil {
		return payment.Usage("emulator: there is none in this profile", "start payctl ui with --emulator http://127.0.0.1:4010")
	}
	return nil
}

// moveClock is POST /phone/clock.
func (s *Server) moveClock(r *http.Request) (answer, error) {
	return s.control(r, "clock", "clock", func(f url.Values) any { return map[string]string{"advance": f.Get("advance")} })
}

// setWeather is POST /phone/weather.
func (s *Server) setWeather(r *http.Request) (answer, error) {
	return s.control(r, "behaviours", "weather", func(f url.Values) any { return map[string]string{"weather": f.Get("weather")} })
}

// setBehaviour is POST /phone/behaviour.
func (s *Server) setBehaviour(r *http.Request) (answer, error) {
	return s.control(r, "behaviours", "behaviour", func(f url.Values) any {
		if f.Get("on") == "" {
			return map[string][]string{"unset": {f.Get("name")}}
		}
		return map[string]string{"name": f.Get("name"), "value": f.Get("value")}
	})
}

func (s *Server) control(r *http.Request, path, done string, body func(url.Values) any) (answer, error) {
	if err := s.play(r); err != nil {
		return answer{}, err
	}
	var out json.RawMessage
	err := s.Emulator(r.Context(), http.MethodPost, path, body(r.PostForm), &out)
	return answer{to: "/phone?said=" + done}, err
}
