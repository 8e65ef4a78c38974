package view

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// EmulatorNumbers says whom to ask for money, and as whom.
func EmulatorNumbers() string {
	c := emulator.Credentials()
	return fmt.Sprintf(`The paybill is %s. The till is %s behind the store %s: a push to it has
BusinessShortCode %s, PartyB %s and CustomerBuyGoodsOnline. A phone such as
254712345678 pays; some endings do otherwise ("payctl emulator --help" lists them), and
254708374149 never answers. "payctl emulator env" prints keys and passkey.`, c.Shortcode, c.Till, c.Store, c.Store, c.Till)
}

// Exchange is one line of the emulator's log.
type Exchange struct{ emulator.Exchange }

// Text writes an exchange for people.
func (v Exchange) Text(t *ui.Text) {
	arrow := "->"
	if v.Direction == emulator.DirectionOut {
		arrow = "<-"
	}
	status := ui.OK(fmt.Sprint(v.Status))
	switch {
	case v.Status == 0:
		status = ui.Bad("---")
	case v.Status >= 400:
		status = ui.Bad(fmt.Sprint(v.Status))
	}
	line := []ui.Span{ui.Dim(v.Time.Local().Format("15:04:05.000") + " " + arrow + " "), status, ui.Plain(" " + v.Method + " " + v.URL)}
	if v.Reason != "" {
		line = append(line, ui.Warn("  "+v.Reason))
	}
	t.Line(line...)
}

// Prompt is a prompt on a customer's phone.
type Prompt struct {
	emulator.Prompt
	// Reference and Outcome are null, not empty, where there is none.
	Reference *string `json:"reference"`
	Outcome   *string `json:"outcome"`
}

// NewPrompt masks the phone unless whole numbers are wanted.
func NewPrompt(p emulator.Prompt, showPhone bool) Prompt {
	if phone, err := payment.ParsePhone(p.Phone); err == nil && !showPhone {
		p.Phone = phone.String()
	}
	return Prompt{Prompt: p, Reference: payment.OrNull(p.Reference), Outcome: payment.OrNull(p.Outcome)}
}

// Text writes a prompt for people.
func (v Prompt) Text(t *ui.Text) {
	t.Fields(
		ui.KV("prompt", ui.Bold(v.ID)),
		ui.KV("provider", ui.Plain(v.Provider)),
		ui.KV("amount", ui.Plain(v.Amount+" KES")),
		ui.KV("pay to", ui.Plain(v.PayTo)),
		ui.KV("account", ui.Plain(payment.Or(v.Reference, ""))),
	)
}

// Cells are a prompt's columns in a list.
func (v Prompt) Cells() []ui.Span {
	return []ui.Span{ui.Plain(v.ID), ui.Plain(v.Amount), ui.Plain(v.PayTo), ui.Plain(payment.Or(v.Reference, "-"))}
}

// Behaviour is a switch of the emulator, and how it stands when one runs.
type Behaviour struct {
	emulator.Behaviour
	Active  *bool   `json:"active"`
	Setting *string `json:"setting"`
	Hits    *uint64 `json:"hits"`
}

// Text writes one switch for people.
func (v Behaviour) Text(t *ui.Text) {
	t.Line(ui.Bold(v.Name), ui.Plain("  "+v.Summary), ui.Dim("  "+v.Section))
}

// Cells are a switch's columns in a list.
func (v Behaviour) Cells() []ui.Span {
	on := ""
	if v.Active != nil && *v.Active {
		on = "on " + payment.Or(v.Setting, "")
	}
	return []ui.Span{ui.Plain(v.Name), ui.OK(strings.TrimSpace(on)), ui.Dim(v.Value), ui.Plain(v.Summary), ui.Dim(v.Section)}
}

// Authority is the emulator's certificate authority.
type Authority struct {
	File string `json:"file"`
	PEM  string `json:"pem"`
}

// Text writes the certificate as it is.
func (v Authority) Text(t *ui.Text) { t.Line(ui.Plain(v.PEM)) }

// PEM is a certificate alone.
type PEM struct {
	PEM string `json:"pem"`
}

// Text writes the certificate as it is.
func (v PEM) Text(t *ui.Text) { t.Block(0, v.PEM) }

// Clock is the emulator's clock.
type Clock struct {
	Mode    string  `json:"mode"`
	Now     string  `json:"now"`
	Pending int     `json:"pending"`
	NextIn  *string `json:"next_in"`
	Ran     int     `json:"ran"`
}

// Text writes the clock for people.
func (v Clock) Text(t *ui.Text) {
	t.Linef("%s clock at %s, %d events run, %d waiting", v.Mode, v.Now, v.Ran, v.Pending)
}

// Played is one step of a scenario that the emulator plays.
type Played struct {
	Event string `json:"event"`
	To    string `json:"to"`
	After string `json:"after"`
}

// Text writes the step for people.
func (v Played) Text(t *ui.Text) { t.Linef("%s -> %s after %s", v.Event, v.To, v.After) }

// Emitted is an event that the emulator made.
type Emitted struct{ emulator.EmittedEvent }

// Text writes the event for people.
func (v Emitted) Text(t *ui.Text) {
	t.Fields(
		ui.KV("event", ui.Bold(v.Event)),
		ui.KV("id", ui.Plain(v.ID)),
		ui.KV("reference", ui.Plain(v.Reference)),
		ui.KV("amount", ui.Plain(v.Amount+" "+v.Currency)),
		ui.KV("status", ui.Plain(v.Status)),
		ui.KV("webhook to", ui.Plain(v.Target)),
		ui.KV("sockets", ui.Plain(fmt.Sprint(v.Sockets))),
	)
}

// Environment is a set of variables.
type Environment map[string]string

// Text writes shell lines.
func (v Environment) Text(t *ui.Text) {
	for line := range strings.SplitSeq(EmulatorNumbers(), "\n") {
		t.Line(ui.Plain("# " + line))
	}
	t.Line(ui.Plain("# The control plane is at " + v["EMULATOR_CONTROL_URL"]))
	if v["NODE_USE_ENV_PROXY"] != "" {
		t.Line(ui.Plain("# The fetch of Node 20 and older reads no proxy variable. It needs, once, with the package undici:"))
		t.Line(ui.Plain("#   setGlobalDispatcher(new EnvHttpProxyAgent())"))
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		t.Linef("export %s=%s", name, payment.CommandLine(v[name]))
	}
}

// Statement is an exported statement.
type Statement struct {
	emulator.Statement
	File    *string `json:"file"`
	Content *string `json:"content_base64"`
}

// Text writes where the statement is, for people.
func (v Statement) Text(t *ui.Text) {
	t.Fields(
		ui.KV("file", ui.Bold(payment.Or(v.File, v.Name))),
		ui.KV("account", ui.Plain(v.Shortcode+" "+v.Account)),
		ui.KV("rows", ui.Plain(strconv.Itoa(v.Rows))),
		ui.KV("opening", ui.Plain(v.Opening)),
		ui.KV("paid in", ui.Plain(v.PaidIn)),
		ui.KV("withdrawn", ui.Plain(v.Withdrawn)),
		ui.KV("closing", ui.Plain(v.Closing)),
	)
}
