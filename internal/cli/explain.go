package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/wasaapay"
)

type explainOptions struct {
	args       []string
	api        string
	message    string
	hasMessage bool
	stdin      bool
}

func newExplain(a *app) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain [daraja|wasaapay] CODE",
		Short: "Say what a code means and what to do next",
		Long: `Explains a result or error code: what it means in each API, whether it is final,
whether and when to try again, how well that is witnessed and where it is written,
and the command to run next. The same code can mean different things: --api and
--message tell them apart, and without them every meaning is listed.

--stdin reads a payload, an answer or log lines instead of a code. A code that is not
in the catalogue is passed through as unknown, with exit 5.`,
		Example: `  payctl explain 1032
  payctl explain daraja 500.001.1001 --api query --message 'The transaction is being processed'
  payctl explain wasaapay deposit.failed
  payctl webhook show dlv_1 --raw | payctl explain --stdin`,
		Args: func(_ *cobra.Command, args []string) error { o.args = args; return nil },
	}
	f := cmd.Flags()
	f.StringVar(&o.api, "api", "", "where the code came from: `"+strings.Join(apiNames(), "|")+"`")
	f.StringVar(&o.message, "message", "", "the provider's `TEXT` beside the code")
	f.BoolVar(&o.stdin, "stdin", false, "find the code in a payload or in log lines on stdin")
	cmd.RunE = a.glance(func(ctx context.Context) error {
		o.hasMessage = f.Changed("message")
		return a.explain(ctx, o)
	})
	return cmd
}

func apiNames() []string {
	var out []string
	for _, api := range daraja.APIs() {
		out = append(out, string(api))
	}
	return out
}

// meaningView is one meaning of a code; its keys are the contract.
type meaningView struct {
	Provider string   `json:"provider"`
	APIs     []string `json:"apis"`
	// Message is the part of the provider's text that this meaning goes with.
	Message     *string `json:"message"`
	HTTPStatus  []int   `json:"http_status"`
	Class       *string `json:"class"`
	Final       bool    `json:"final"`
	Meaning     string  `json:"meaning"`
	Retry       string  `json:"retry"`
	WaitSeconds *int64  `json:"wait_seconds"`
	Next        *string `json:"next"`
	Proof       *string `json:"proof"`
	ProofText   *string `json:"proof_text"`
	Source      string  `json:"source"`
}

// explainView is a code with all that it may mean; none is an unknown code.
type explainView struct {
	Code     string        `json:"code"`
	Message  *string       `json:"message"`
	Line     *int          `json:"line"`
	Known    bool          `json:"known"`
	Meanings []meaningView `json:"meanings"`
}

func newMeaning(e daraja.Explanation) meaningView {
	class, proof, words := e.Class.String(), string(e.Proof), e.Proof.Words()
	v := meaningView{
		Provider: string(payment.Daraja), APIs: []string{}, Message: orNull(e.Message), HTTPStatus: e.HTTP, Class: &class, Final: e.Final,
		Meaning: e.Meaning, Retry: e.Retry, Next: orNull(e.Next), Proof: &proof, ProofText: &words, Source: e.Source,
	}
	for _, api := range e.APIs {
		v.APIs = append(v.APIs, string(api))
	}
	if v.HTTPStatus == nil {
		v.HTTPStatus = []int{}
	}
	if e.Wait > 0 {
		seconds := int64(e.Wait.Seconds())
		v.WaitSeconds = &seconds
	}
	return v
}

func newWasaaPayMeaning(m wasaapay.Meaning) meaningView {
	retry := "no"
	if m.Retryable {
		retry = "yes, the same call"
	}
	return meaningView{
		Provider: string(payment.WasaaPay), APIs: []string{}, HTTPStatus: []int{}, Final: m.Final, Meaning: m.Title, Retry: retry,
		Next: orNull(m.Advice), Source: m.Source(),
	}
}

// Text writes a code and its meanings for people.
func (v explainView) Text(t *ui.Text) {
	head := []ui.Span{ui.Bold(v.Code)}
	if v.Line != nil {
		head = append(head, ui.Dim(" (line "+itoa(*v.Line)+")"))
	}
	switch len(v.Meanings) {
	case 0:
		head = append(head, ui.Warn("  unknown"))
	case 1:
	default:
		head = append(head, ui.Plain(fmt.Sprintf("  has %d meanings; --api and --message choose one", len(v.Meanings))))
	}
	t.Line(head...)
	for _, m := range v.Meanings {
		m.text(t)
	}
}

func (m meaningView) text(t *ui.Text) {
	final := ui.Warn("no")
	if m.Final {
		final = ui.OK("yes")
	}
	where := m.Provider
	if len(m.APIs) > 0 {
		where += " " + strings.Join(m.APIs, ", ")
	}
	proof := ""
	if m.Proof != nil {
		proof = *m.Proof + ": " + or(m.ProofText, "")
	}
	t.Fields(
		ui.KV("  in", ui.Plain(where)),
		ui.KV("  message", ui.Plain(or(m.Message, ""))),
		ui.KV("  meaning", ui.Bold(m.Meaning)),
		ui.KV("  class", ui.Plain(or(m.Class, ""))),
		ui.KV("  final", final),
		ui.KV("  try again", ui.Plain(m.Retry)),
		ui.KV("  next", ui.Plain(or(m.Next, ""))),
		ui.KV("  proof", ui.Dim(proof)),
		ui.KV("  source", ui.Dim(m.Source)),
	)
	t.Blank()
}

func (a *app) explain(ctx context.Context, o explainOptions) error {
	id, code, err := explainArgs(o)
	if err != nil {
		return err
	}
	if o.api != "" && !slices.Contains(apiNames(), o.api) {
		return usagef("use one of: "+strings.Join(apiNames(), ", "), "api %q: is not known", o.api)
	}
	if o.stdin {
		return a.explainStdin(ctx, id, o)
	}
	v := explainView{Code: code, Meanings: meaningsOf(id, code, o)}
	if o.hasMessage {
		v.Message = &o.message
	}
	v.Known = len(v.Meanings) > 0
	printed := a.out.One(v)
	if !v.Known {
		return a.ended(printed, unknownCode(id, code), "code "+payment.Line(code, 200))
	}
	return printed
}

func unknownCode(id payment.ProviderID, code string) error {
	return &payment.Error{
		Kind: payment.KindNotFound, Provider: id, ProviderCode: code, Message: "code " + payment.Line(code, 200) + ": is not in the catalogue",
		Hint: "an unknown code settles nothing: keep asking, and look at the payment with \"payctl deposit get ID\"",
	}
}

// explainArgs reads [PROVIDER] CODE; with --stdin there is no code.
func explainArgs(o explainOptions) (id payment.ProviderID, code string, err error) {
	args := o.args
	if len(args) > 0 && (args[0] == string(payment.Daraja) || args[0] == string(payment.WasaaPay)) {
		id, args = payment.ProviderID(args[0]), args[1:]
	}
	switch {
	case id == payment.WasaaPay && o.api != "":
		return id, "", usagef("leave --api out", "api: tells Daraja's APIs apart; wasaapay has one")
	case o.stdin && len(args) > 0:
		return id, "", usagef("give a code or --stdin", "unexpected argument %q beside --stdin", args[0])
	case o.stdin:
		return id, "", nil
	case len(args) == 0:
		return id, "", usagef("write: payctl explain 1032, or pipe a payload into payctl explain --stdin", "CODE is missing")
	case len(args) > 1:
		return id, "", usagef("write: payctl explain [daraja|wasaapay] CODE", "unexpected argument %q", args[1])
	}
	return id, args[0], nil
}

// meaningsOf lists what a code may mean; API and message narrow it down.
func meaningsOf(id payment.ProviderID, code string, o explainOptions) []meaningView {
	out := []meaningView{}
	if id != payment.WasaaPay {
		for _, e := range darajaMeanings(code, o) {
			out = append(out, newMeaning(e))
		}
	}
	if m, known := wasaapay.Explain(code); known && id != payment.Daraja && o.api == "" {
		out = append(out, newWasaaPayMeaning(m))
	}
	return out
}

// emptyMessage is how the catalogue marks a meaning that goes with an empty message.
const emptyMessage = "(empty message)"

func darajaMeanings(code string, o explainOptions) []daraja.Explanation {
	if o.message != "" {
		if e, known := daraja.Explain(o.api, code, o.message); known {
			return []daraja.Explanation{e}
		}
		return nil
	}
	all := slices.DeleteFunc(daraja.ExplainAll(code), func(e daraja.Explanation) bool {
		return o.api != "" && !slices.Contains(e.APIs, daraja.API(o.api)) && !slices.Contains(e.APIs, daraja.APIAny)
	})
	if !o.hasMessage {
		return all
	}
	for _, e := range all {
		if e.Message == emptyMessage {
			return []daraja.Explanation{e}
		}
	}
	return all
}
