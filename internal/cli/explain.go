package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/input"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/webhook"
)

// explain is "payctl explain".
type explain struct {
	*env
	args     []string
	narrowed payment.CodeQuery
	piped    bool
}

func newExplain(s *session) *cobra.Command {
	v := &explain{env: s.env}
	cmd := &cobra.Command{
		Use:   "explain [daraja|wasaapay] CODE...",
		Short: "Say what a code means and what to do next",
		Long: `Explains a result or error code: what it means in each API, whether it is final,
whether and when to try again, how well that is witnessed and where it is written,
and the command to run next. The same code can mean different things: --api and
--message tell them apart, and without them every meaning is listed. Several codes are
explained one after the other: an array under -o json.

--stdin reads a payload, an answer or log lines instead of a code. A code that is not
in the catalogue is passed through as unknown, with exit 5.`,
		Example: `  payctl explain 1032
  payctl explain daraja 500.001.1001 --api query --message 'The transaction is being processed'
  payctl explain wasaapay deposit.failed
  payctl webhook show dlv_1 --raw | payctl explain --stdin`,
		Args: func(_ *cobra.Command, args []string) error { v.args = args; return nil },
	}
	f := cmd.Flags()
	f.StringVar(&v.narrowed.API, "api", "", "where the code came from: `"+strings.Join(s.providers.CodeAPIs(), "|")+"`")
	f.StringVar(&v.narrowed.Message, "message", "", "the provider's `TEXT` beside the code")
	f.BoolVar(&v.piped, "stdin", false, "find the code in a payload or in log lines on stdin")
	cmd.RunE = s.quick(func(ctx context.Context) error {
		v.narrowed.HasMessage = f.Changed("message")
		return v.Run(ctx)
	})
	return cmd
}

// Run explains codes, or those in what is piped in. An unknown one is KindNotFound.
func (v *explain) Run(ctx context.Context) error {
	id, codes, err := v.parse()
	if err != nil {
		return err
	}
	if known := v.providers.CodeAPIs(); v.narrowed.API != "" && !slices.Contains(known, v.narrowed.API) {
		return usagef("use one of: "+strings.Join(known, ", "), "api %q: is not known", v.narrowed.API)
	}
	if v.piped {
		return v.explainStdin(ctx, id)
	}
	views := make([]view.Explanation, len(codes))
	for i, code := range codes {
		found := payment.Explained{Code: code}
		for _, row := range v.rows(id) {
			found.Meanings = append(found.Meanings, row.Explainer.Explain(code, v.narrowed)...)
		}
		views[i] = view.NewExplanation(found, 0, v.global.showPhone)
		if v.narrowed.HasMessage {
			views[i].Message = &v.narrowed.Message
		}
	}
	var printed error
	if len(views) == 1 {
		printed = v.out.One(views[0])
	} else {
		printed = ui.Several(v.out, views)
	}
	return v.unknownAmong(printed, id, views)
}

// unknownAmong is what a command comes to that printed some explanations.
func (v *explain) unknownAmong(printed error, id payment.ProviderID, views []view.Explanation) error {
	if i := slices.IndexFunc(views, func(s view.Explanation) bool { return !s.Known }); i >= 0 {
		return v.ended(printed, unknownCode(id, views[i].Code), "code "+payment.Line(views[i].Code, 200))
	}
	return printed
}

// rows are the providers whose codes are meant; id is "" for all.
func (v *explain) rows(id payment.ProviderID) []provider.Row {
	var out []provider.Row
	for _, row := range v.providers {
		if row.Explainer != nil && (id == "" || row.ID == id) {
			out = append(out, row)
		}
	}
	return out
}

func unknownCode(id payment.ProviderID, code string) error {
	return &payment.Error{
		Kind: payment.KindNotFound, Provider: id, ProviderCode: code, Message: "code " + payment.Line(code, 200) + ": is not in the catalogue",
		Hint: "an unknown code settles nothing: keep asking, and look at the payment with \"payctl deposit get ID\"",
	}
}

// parse reads [PROVIDER] CODE...; with --stdin there is no code.
func (v *explain) parse() (id payment.ProviderID, codes []string, err error) {
	args := v.args
	if len(args) > 0 && v.providers.Row(payment.ProviderID(args[0])).Explainer != nil {
		id, args = payment.ProviderID(args[0]), args[1:]
	}
	switch {
	case id != "" && v.narrowed.API != "" && len(v.providers.Row(id).Explainer.APIs()) == 0:
		return id, nil, usagef("leave --api out", "api: tells a provider's APIs apart; %s has one", id)
	case v.piped && len(args) > 0:
		return id, nil, usagef("give a code or --stdin", "unexpected argument %q beside --stdin", payment.Line(args[0], 60))
	case v.piped:
		return id, nil, nil
	case len(args) == 0:
		return id, nil, usagef("write: payctl explain 1032, or pipe a payload into payctl explain --stdin", "CODE is missing")
	case len(args) > 1 && v.narrowed.HasMessage:
		return id, nil, usagef("give one code with --message, which is its text", "unexpected argument %q", payment.Line(args[1], 60))
	}
	return id, args, nil
}

// explainStdin finds codes in what is piped in: one payload, several one after another, or
// a log: an array under json, however many hold a code. An unknown code
// is shown and is exit 5.
func (v *explain) explainStdin(ctx context.Context, id payment.ProviderID) error {
	raw, err := input.All(v.stdin(ctx), maxPayload, "stdin")
	if err != nil {
		return err
	}
	pieces := webhook.Pieces(raw)
	views := []view.Explanation{}
	for _, piece := range pieces {
		if err := ctx.Err(); err != nil {
			return err
		}
		if found, ok := v.explainPiece(id, piece.Text); ok {
			views = append(views, view.NewExplanation(found, piece.Line, v.global.showPhone))
		}
	}
	switch {
	case len(views) == 0:
		return usagef("pipe in a callback, an answer, or a log line that holds a code", "stdin: holds no result or error code")
	case len(views) == 1 && pieces[len(pieces)-1].Line == pieces[0].Line:
		views[0].Line = nil // there is but one
		err = v.out.One(views[0])
	default:
		err = ui.Several(v.out, views)
	}
	return v.unknownAmong(err, id, views)
}

// explainPiece asks the providers in turn, those that need more proof first.
func (v *explain) explainPiece(id payment.ProviderID, piece []byte) (payment.Explained, bool) {
	for _, row := range slices.Backward(v.rows(id)) {
		if found, ok := row.Explainer.ExplainPayload(piece, id != "", v.narrowed); ok {
			return found, true
		}
	}
	return payment.Explained{}, false
}
