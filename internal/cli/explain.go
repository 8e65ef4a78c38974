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

// explain is "payctl explain".
type explain struct {
	*env
	args       []string
	api        string
	message    string
	hasMessage bool
	stdin      bool
}

func newExplain(s *session) *cobra.Command {
	v := &explain{env: s.env}
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
		Args: func(_ *cobra.Command, args []string) error { v.args = args; return nil },
	}
	f := cmd.Flags()
	f.StringVar(&v.api, "api", "", "where the code came from: `"+strings.Join(apiNames(), "|")+"`")
	f.StringVar(&v.message, "message", "", "the provider's `TEXT` beside the code")
	f.BoolVar(&v.stdin, "stdin", false, "find the code in a payload or in log lines on stdin")
	cmd.RunE = s.quick(func(ctx context.Context) error {
		v.hasMessage = f.Changed("message")
		return v.Run(ctx)
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

// Run explains a code, or those in what is piped in. An unknown one is KindNotFound.
func (v *explain) Run(ctx context.Context) error {
	id, code, err := v.parse()
	if err != nil {
		return err
	}
	if v.api != "" && !slices.Contains(apiNames(), v.api) {
		return usagef("use one of: "+strings.Join(apiNames(), ", "), "api %q: is not known", v.api)
	}
	if v.stdin {
		return v.piped(ctx, id)
	}
	shown := explainView{Code: code, Meanings: v.meanings(id, code)}
	if v.hasMessage {
		shown.Message = &v.message
	}
	shown.Known = len(shown.Meanings) > 0
	printed := v.out.One(shown)
	if !shown.Known {
		return v.ended(printed, unknownCode(id, code), "code "+payment.Line(code, 200))
	}
	return printed
}

func unknownCode(id payment.ProviderID, code string) error {
	return &payment.Error{
		Kind: payment.KindNotFound, Provider: id, ProviderCode: code, Message: "code " + payment.Line(code, 200) + ": is not in the catalogue",
		Hint: "an unknown code settles nothing: keep asking, and look at the payment with \"payctl deposit get ID\"",
	}
}

// parse reads [PROVIDER] CODE; with --stdin there is no code.
func (v *explain) parse() (id payment.ProviderID, code string, err error) {
	args := v.args
	if len(args) > 0 && (args[0] == string(payment.Daraja) || args[0] == string(payment.WasaaPay)) {
		id, args = payment.ProviderID(args[0]), args[1:]
	}
	switch {
	case id == payment.WasaaPay && v.api != "":
		return id, "", usagef("leave --api out", "api: tells Daraja's APIs apart; wasaapay has one")
	case v.stdin && len(args) > 0:
		return id, "", usagef("give a code or --stdin", "unexpected argument %q beside --stdin", args[0])
	case v.stdin:
		return id, "", nil
	case len(args) == 0:
		return id, "", usagef("write: payctl explain 1032, or pipe a payload into payctl explain --stdin", "CODE is missing")
	case len(args) > 1:
		return id, "", usagef("write: payctl explain [daraja|wasaapay] CODE", "unexpected argument %q", args[1])
	}
	return id, args[0], nil
}

// meanings lists what a code may mean; API and message narrow it down.
func (v *explain) meanings(id payment.ProviderID, code string) []meaningView {
	out := []meaningView{}
	if id != payment.WasaaPay {
		for _, e := range v.daraja(code) {
			out = append(out, newMeaning(e))
		}
	}
	if m, known := wasaapay.Explain(code); known && id != payment.Daraja && v.api == "" {
		out = append(out, newWasaaPayMeaning(m))
	}
	return out
}

// emptyMessage is how the catalogue marks a meaning that goes with an empty message.
const emptyMessage = "(empty message)"

func (v *explain) daraja(code string) []daraja.Explanation {
	if v.message != "" {
		if e, known := daraja.Explain(v.api, code, v.message); known {
			return []daraja.Explanation{e}
		}
		return nil
	}
	all := slices.DeleteFunc(daraja.ExplainAll(code), func(e daraja.Explanation) bool {
		return v.api != "" && !slices.Contains(e.APIs, daraja.API(v.api)) && !slices.Contains(e.APIs, daraja.APIAny)
	})
	if !v.hasMessage {
		return all
	}
	for _, e := range all {
		if e.Message == emptyMessage {
			return []daraja.Explanation{e}
		}
	}
	return all
}
