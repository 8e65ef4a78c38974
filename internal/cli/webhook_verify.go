package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/input"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
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
	f.StringVar(&v.o.provider, "provider", "", "whose payloads: `wasaapay|daraja|sevi` (default: found from each)")
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
(--delivery). Whose a payload is, is found from its body. WasaaPay's signature stands in
the body; Sevi's token in the Authorization header (--headers FILE); Daraja signs
nothing, so its payloads are checked for shape and reported as unsigned.

A file may hold several payloads one after another, with or without a log's words before
them, and may be UTF-16 (PowerShell), gzipped, form-encoded or encoded as JSON twice: what
was taken off is named in the verdict.

--explain tries the usual mistakes of signers and the usual ways in which a receiver's
framework changes a body before the check, and proves what it names.

Exit 0 when all are valid or unsigned, 6 when one does not verify, 64 when one is no
payload. What a directory holds besides files (pipes, sockets) is left out with a warning.

What --explain undoes of a receiver's framework, and what mends it:

`

// verifier judges payloads and shows the verdicts.
type verifier struct {
	*session
	o       webhookVerifyOptions
	check   *webhook.Verification
	files   input.Files
	views   []view.Verified
	summary webhook.Summary
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
	if v.writeErr != nil && judge.summary.Outcome(v.o.explain) == nil {
		return v.writeErr
	}
	return v.ended(v.writeErr, judge.summary.Outcome(v.o.explain), view.VerifySummary{Summary: judge.summary}.Words())
}

func newVerifier(s *session, o webhookVerifyOptions) (*verifier, error) {
	check := &webhook.Verification{
		Providers: s.providers, Secrets: s.keys().Secrets, Others: s.keys().Others, Signed: len(o.secretFiles) > 0 || o.explain, Explain: o.explain, Tolerance: o.tolerance, Now: s.now,
	}
	switch {
	case len(o.deliveries) > 0 && (len(o.files) > 0 || o.ndjson || o.headers != ""):
		return nil, usagef("give files, or --delivery", "delivery: a stored delivery comes with its own body and headers")
	case o.tolerance < 0:
		return nil, usagef("write a duration such as 5m", "tolerance %s: is negative", o.tolerance)
	}
	var err error
	if o.provider != "" {
		if check.Provider, err = s.providers.Parse(o.provider); err != nil {
			return nil, err
		}
		if row := s.providers.Row(check.Provider); row.Proof == nil && len(o.secretFiles) > 0 {
			return nil, usagef("leave --secret-file out", "secret-file: %s signs nothing", row.Title)
		}
	}
	if o.headers != "" {
		if check.Header, err = input.Headers(o.headers); err != nil {
			return nil, err
		}
	}
	var secrets []*secret.Secret
	for _, path := range o.secretFiles {
		one, err := input.Secret(path)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, one)
	}
	if len(secrets) > 0 {
		check.Secrets = func(context.Context, provider.Row) ([]*secret.Secret, error) { return secrets, nil }
	}
	return &verifier{session: s, o: o, check: check, files: input.Files{
		Names: o.files, Stdin: s.in.Stdin, Skipped: func(path string) { s.out.Warn("%s: is no regular file, left out", path) },
	}}, nil
}

// report prints what a stream has not printed yet: the verdicts of separate
// payloads, and the summary where the contract has one.
func (v *verifier) report() error {
	out := v.out
	if v.o.ndjson || out.Format() == ui.FormatText {
		return out.Line(view.VerifySummary{Summary: v.summary})
	}
	switch len(v.views) {
	case 0:
		return nil
	case 1:
		return out.One(v.views[0])
	}
	return ui.List(out, ui.Columns("SOURCE", "EVENT", "VERDICT"), v.views)
}
