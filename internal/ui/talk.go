package ui

import (
	"fmt"

	"github.com/payctl/payctl/internal/payment"
)

// Note prints one line on stderr. Under --quiet it is silent.
func (p *Printer) Note(format string, args ...any) {
	if p.opts.Quiet {
		return
	}
	p.say("note", p.lead(fmt.Sprintf(format, args...)), Plain(""))
}

// Warn prints one line on stderr that stands out, also under --quiet: it is
// for what an operator must not miss.
func (p *Printer) Warn(format string, args ...any) {
	p.say("warning", p.lead(fmt.Sprintf(format, args...)), Warn("warning: "))
}

// Debug prints one line on stderr, only under --verbose.
func (p *Printer) Debug(format string, args ...any) {
	if !p.opts.Verbose {
		return
	}
	p.say("debug", fmt.Sprintf(format, args...), Dim(""))
}

// Prompt asks on stderr without ending the line; the answer is read by the
// caller.
func (p *Printer) Prompt(format string, args ...any) {
	p.talk([]byte(Safe(fmt.Sprintf(format, args...)) + " "))
}

// say puts one line on stderr: the lead and the text, or under json and ndjson an object
// with one member.
func (p *Printer) say(member, text string, lead Span) {
	if p.jsonTalk() {
		if data, err := encode(map[string]string{member: text}); err == nil {
			p.talk(append(data, '\n'))
			return
		}
	}
	t := &Text{style: &p.err}
	said := Plain(text)
	if lead.text == "" {
		said.look = lead.look
	}
	t.Line(lead, said)
	p.talk(t.buf.Bytes())
}

func (p *Printer) lead(text string) string {
	if p.opts.Lead == nil {
		return text
	}
	return p.opts.Lead(text)
}

// jsonTalk reports whether each line on stderr is an object.
func (p *Printer) jsonTalk() bool {
	return p.opts.Format == FormatJSON || p.opts.Format == FormatNDJSON
}

// ErrorView is an error as it is shown. Empty strings are null in JSON.
type ErrorView struct {
	// Kind is the word of the exit-code table, such as "usage".
	Kind string
	// Message says what went wrong, in one line, lower case.
	Message string
	// Hint says what to do about it; it may hold several lines.
	Hint string
	// ExitCode is what the process will exit with.
	ExitCode int
	// Provider and ProviderCode say who refused, in its own code.
	Provider, ProviderCode string
	// Retryable says that the same command may be run again without harm.
	Retryable bool
}

// MarshalJSON writes {"error":{…}} with every key present.
func (e ErrorView) MarshalJSON() ([]byte, error) {
	type body struct {
		Kind         string  `json:"kind"`
		Message      string  `json:"message"`
		Hint         *string `json:"hint"`
		ExitCode     int     `json:"exit_code"`
		Provider     *string `json:"provider"`
		ProviderCode *string `json:"provider_code"`
		Retryable    bool    `json:"retryable"`
	}
	return encode(struct {
		Error body `json:"error"`
	}{body{
		Kind: e.Kind, Message: e.Message, Hint: payment.OrNull(e.Hint), ExitCode: e.ExitCode,
		Provider: payment.OrNull(e.Provider), ProviderCode: payment.OrNull(e.ProviderCode), Retryable: e.Retryable,
	}})
}

// Error prints an error on stderr: "payctl: message" and "hint: …" lines under
// text, one object under json and ndjson, whatever --quiet says.
func (p *Printer) Error(e ErrorView) {
	e.Hint = p.lead(e.Hint)
	if p.jsonTalk() {
		if data, err := encode(e); err == nil {
			p.talk(append(data, '\n'))
			return
		}
	}
	t := &Text{style: &p.err}
	t.Line(Bad("payctl: "), Plain(e.Message))
	for _, line := range lines(e.Hint) {
		t.Line(Dim("hint: "), Plain(line))
	}
	p.talk(t.buf.Bytes())
}
