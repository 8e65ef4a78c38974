package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/webhook"
)

// webhookVerify is "payctl webhook verify".
type webhookVerify struct {
	*session
	o webhookVerifyOptions
}

type webhookVerifyOptions struct {
	files       []string
	provider    string
	secretFiles []string
	headers     string
	deliveries  []string
	ndjson      bool
	explain     bool
	tolerance   time.Duration
}

func newWebhookVerify(s *session) *cobra.Command {
	v := &webhookVerify{session: s}
	cmd := &cobra.Command{
		Use:     "verify [FILE...]",
		Short:   "Check payloads offline",
		Args:    func(_ *cobra.Command, args []string) error { v.o.files = args; return nil },
		Example: "  payctl webhook verify body.json --secret-file secret.txt\n  payctl webhook verify --ndjson archive.ndjson --secret-file secret.txt -o ndjson\n  payctl webhook verify body.json --explain",
		RunE:    s.quick(v.Run),
	}
	helpLater(cmd, verifyHelp)
	f := cmd.Flags()
	f.StringVar(&v.o.provider, "provider", "", "whose payloads: `wasaapay|daraja|sevi` (wasaapay; a stored delivery's own)")
	f.StringArrayVar(&v.o.secretFiles, "secret-file", nil, "read a secret from `FILE` instead of the profile (repeatable: rotation)")
	f.StringVar(&v.o.headers, "headers", "", "`FILE` with the request's headers, one a line (Sevi)")
	f.StringArrayVar(&v.o.deliveries, "delivery", nil, "check a stored delivery by its `ID` (repeatable)")
	f.BoolVar(&v.o.ndjson, "ndjson", false, "each line is one payload")
	f.Var(ageFlag{&v.o.tolerance}, "tolerance", "refuse what is further than this `DURATION` from now")
	f.BoolVar(&v.o.explain, "explain", false, "name the mistake when a signature does not fit")
	return cmd
}

// verifyHelp lists what --explain undoes, from the table that it goes by.
func verifyHelp() string {
	var b strings.Builder
	b.WriteString(verifyHead)
	for _, d := range webhook.Damages() {
		fmt.Fprintf(&b, "  %-22s  %s; %s\n", d.Name, d.Meaning, d.Fix)
	}
	return b.String()
}

const verifyHead = `Checks webhook payloads from files, directories, stdin (no file, or -) or the ledger
(--delivery). WasaaPay's signature stands in the body; Sevi's token in the
Authorization header (--headers FILE); Daraja signs nothing, so its payloads are
checked for shape and reported as unsigned.

--explain tries the usual mistakes of signers and the usual ways in which a receiver's
framework changes a body before the check, and proves what it names.

Exit 0 when all are valid or unsigned, 6 when one does not verify, 64 when one is no
payload. What a directory holds besides files (pipes, sockets) is left out with a warning.

What --explain undoes of a receiver's framework, and what mends it:

`

// verifier judges payloads, each with its provider's means.
type verifier struct {
	*session
	o       webhookVerifyOptions
	header  http.Header
	secrets []*secret.Secret
	means   map[payment.ProviderID]*verifyMeans
	views   []verdictView
	summary webhook.Summary
}

// verifyMeans are what payloads of one provider are checked with.
type verifyMeans struct {
	provider payment.ProviderID
	receiver payment.Receiver
	secrets  []*secret.Secret
	// keys are tried by --explain: the secrets, and those of other profiles.
	keys []webhook.Key
}

// Run checks the payloads. One that does not verify is KindBadSignature.
func (v *webhookVerify) Run(ctx context.Context) error {
	judge, err := newVerifier(v.session, v.o)
	if err != nil {
		return err
	}
	switch {
	case len(v.o.deliveries) > 0:
		err = judge.deliveries(ctx)
	case v.o.ndjson:
		err = judge.archives(ctx)
	default:
		err = judge.payloads(ctx)
	}
	if err != nil {
		return err
	}
	v.keepErr(judge.report())
	if v.writeErr != nil && judge.outcome() == nil {
		return v.writeErr
	}
	return v.ended(v.writeErr, judge.outcome(), summaryView{judge.summary}.words())
}

func newVerifier(s *session, o webhookVerifyOptions) (*verifier, error) {
	v := &verifier{session: s, o: o, means: map[payment.ProviderID]*verifyMeans{}}
	switch {
	case len(o.deliveries) > 0 && (len(o.files) > 0 || o.ndjson || o.headers != ""):
		return nil, usagef("give files, or --delivery", "delivery: a stored delivery comes with its own body and headers")
	}
	if o.tolerance < 0 {
		return nil, usagef("write a duration such as 5m", "tolerance %s: is negative", o.tolerance)
	}
	id, err := v.provider(payment.WasaaPay)
	if row := s.providers.Row(id); err == nil && row.Proof == nil && len(o.secretFiles) > 0 {
		err = usagef("leave --secret-file out", "secret-file: %s signs nothing", row.Title)
	}
	if err != nil {
		return nil, err
	}
	if o.headers != "" {
		if v.header, err = readHeaders(o.headers); err != nil {
			return nil, err
		}
	}
	for _, path := range o.secretFiles {
		secret, err := readSecretFile(path)
		if err != nil {
			return nil, err
		}
		v.secrets = append(v.secrets, secret)
	}
	return v, nil
}

// provider is the one that was named, or whose payloads these are otherwise.
func (v *verifier) provider(otherwise payment.ProviderID) (payment.ProviderID, error) {
	if v.o.provider == "" {
		return otherwise, nil
	}
	return v.providers.Parse(v.o.provider)
}

// of returns a provider's means, made at the first call.
func (v *verifier) of(ctx context.Context, id payment.ProviderID) (*verifyMeans, error) {
	if m := v.means[id]; m != nil {
		return m, nil
	}
	m := &verifyMeans{provider: id}
	var err error
	if m.receiver, m.secrets, err = v.offlineReceiver(ctx, id, v.secrets); err != nil {
		return nil, err
	}
	for i, s := range m.secrets {
		role := ""
		if i > 0 {
			role = "secret " + itoa(i+1) + ", the previous one"
		}
		m.keys = append(m.keys, webhook.Key{Secret: s, Role: role})
	}
	if v.o.explain && id == payment.WasaaPay {
		m.keys = append(m.keys, v.otherSecrets(ctx)...)
	}
	v.means[id] = m
	return m, nil
}

// report prints what a stream has not printed yet: the verdicts of separate
// payloads, and the summary where the contract has one.
func (v *verifier) report() error {
	out := v.out
	if v.o.ndjson || out.Format() == ui.FormatText {
		return out.Line(summaryView{v.summary})
	}
	switch len(v.views) {
	case 0:
		return nil
	case 1:
		return out.One(v.views[0])
	}
	return ui.List(out, columns("SOURCE", "EVENT", "VERDICT"), v.views)
}

// outcome is the contract's: 6 outranks 64, since a forgery matters more than junk.
func (v *verifier) outcome() error {
	s := v.summary
	switch {
	case s.Mismatch > 0:
		e := &payment.Error{Kind: payment.KindBadSignature, Message: ofPayloads(s.Mismatch, s.Total) + " not verify"}
		if !v.o.explain {
			e.Hint = "add --explain to find the mistake"
		}
		return e
	case s.Malformed > 0:
		return &payment.Error{Kind: payment.KindUsage, Message: itoa(s.Malformed) + " of " + itoa(s.Total) + " cannot be read as payloads", Hint: "give the body exactly as it arrived"}
	case s.Total == 0:
		return usagef("give a file, or pipe a payload in", "there was nothing to verify")
	}
	return nil
}

func ofPayloads(some, all int) string {
	if some == 1 {
		return "1 of " + itoa(all) + " payloads does"
	}
	return itoa(some) + " of " + itoa(all) + " payloads do"
}
