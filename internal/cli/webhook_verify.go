package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/webhook"
)

type webhookVerifyOptions struct {
	files       []string
	provider    string
	secretFiles []string
	headers     string
	deliveries  []string
	ndjson      bool
	explain     bool
}

func newWebhookVerify(a *app) *cobra.Command {
	var o webhookVerifyOptions
	cmd := &cobra.Command{
		Use:   "verify [FILE...]",
		Short: "Check payloads offline",
		Long: `Checks webhook payloads from files, directories, stdin (no file, or -) or the ledger
(--delivery). WasaaPay's signature stands in the body; Sevi's token in the
Authorization header (--headers FILE); Daraja signs nothing, so its payloads are
checked for shape and reported as unsigned.

Exit 0 when all are valid, 6 when one does not verify, 64 when one is no payload.`,
		Example: "  payctl webhook verify body.json --secret-file secret.txt\n  payctl webhook verify --ndjson archive.ndjson --secret-file secret.txt -o ndjson\n  payctl webhook verify body.json --explain",
		Args:    func(_ *cobra.Command, args []string) error { o.files = args; return nil },
		RunE:    a.run(func(ctx context.Context) error { return a.webhookVerify(ctx, o) }),
	}
	f := cmd.Flags()
	f.StringVar(&o.provider, "provider", "wasaapay", "whose payloads: `wasaapay|daraja|sevi`")
	f.StringArrayVar(&o.secretFiles, "secret-file", nil, "read a secret from `FILE` instead of the profile (repeatable: rotation)")
	f.StringVar(&o.headers, "headers", "", "`FILE` with the request's headers, one a line (Sevi)")
	f.StringArrayVar(&o.deliveries, "delivery", nil, "check a stored delivery by its `ID` (repeatable)")
	f.BoolVar(&o.ndjson, "ndjson", false, "each line is one payload")
	f.BoolVar(&o.explain, "explain", false, "name the mistake when a signature does not fit")
	return cmd
}

// verdictView is one verdict as it is printed.
type verdictView struct {
	webhook.Verdict
	explanation *webhook.Explanation
}

// Text writes one verdict for people.
func (v verdictView) Text(t *ui.Text) {
	where := v.Source
	if v.Index > 0 {
		where += ":" + itoa(v.Index+1)
	}
	line := []ui.Span{verdictSpan(v.Verdict.Verdict), ui.Plain("  " + where)}
	if v.Event != nil {
		line = append(line, ui.Plain("  "+*v.Event))
	}
	if v.Matched != nil {
		line = append(line, ui.Dim("  "+*v.Matched))
	}
	t.Line(line...)
	if v.Reason != nil {
		t.Line(ui.Plain("  "), ui.Warn(*v.Reason))
	}
	if v.explanation != nil {
		t.Line(ui.Plain("  why: "), ui.Bold(v.explanation.Meaning))
		if v.explanation.Fix != "" {
			t.Linef("  fix: %s", v.explanation.Fix)
		}
	}
}

// summaryView is the last line.
type summaryView struct {
	Summary webhook.Summary `json:"summary"`
}

// Text writes the summary for people.
func (v summaryView) Text(t *ui.Text) {
	s := v.Summary
	t.Linef("%d payloads: %d valid, %d mismatched, %d malformed, %d unsigned", s.Total, s.Valid, s.Mismatch, s.Malformed, s.Unsigned)
}

// verifier judges payloads of one provider.
type verifier struct {
	app      *app
	o        webhookVerifyOptions
	provider payment.ProviderID
	receiver payment.Receiver
	header   http.Header
	keys     []webhook.Key
	summary  webhook.Summary
}

func (a *app) webhookVerify(ctx context.Context, o webhookVerifyOptions) error {
	v, err := a.newVerifier(ctx, o)
	if err != nil {
		return err
	}
	switch {
	case len(o.deliveries) > 0:
		err = v.deliveries(ctx)
	case o.ndjson:
		err = v.archives(ctx)
	default:
		err = v.payloads(ctx)
	}
	if err != nil {
		return err
	}
	single := v.summary.Total == 1 && !o.ndjson && a.out.Format() != ui.FormatText
	if !single {
		if err := a.out.Line(summaryView{v.summary}); err != nil {
			return err
		}
	}
	return v.outcome()
}

// outcome is the contract's: 6 outranks 64, since a forgery matters more than junk.
func (v *verifier) outcome() error {
	s := v.summary
	switch {
	case s.Mismatch > 0:
		e := &payment.Error{Kind: payment.KindBadSignature, Message: itoa(s.Mismatch) + " of " + itoa(s.Total) + " payloads do not verify", Provider: v.provider}
		if !v.o.explain {
			e.Hint = "add --explain to find the mistake"
		}
		return e
	case s.Malformed > 0:
		return &payment.Error{Kind: payment.KindUsage, Message: itoa(s.Malformed) + " of " + itoa(s.Total) + " are no payloads", Hint: "give the body exactly as it arrived", Provider: v.provider}
	case s.Total == 0:
		return usagef("give a file, or pipe a payload in", "there was nothing to verify")
	}
	return nil
}

func (a *app) newVerifier(ctx context.Context, o webhookVerifyOptions) (*verifier, error) {
	id, err := provider.Parse(o.provider)
	if err != nil {
		return nil, err
	}
	v := &verifier{app: a, o: o, provider: id}
	if o.headers != "" {
		if v.header, err = readHeaders(o.headers); err != nil {
			return nil, err
		}
	}
	var secrets []*secret.Secret
	for _, path := range o.secretFiles {
		s, err := readSecretFile(path)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, s)
	}
	v.receiver, secrets, err = a.offlineReceiver(ctx, id, secrets)
	if err != nil {
		return nil, err
	}
	for i, s := range secrets {
		role := ""
		if i > 0 {
			role = "secret " + itoa(i+1) + ", the previous one"
		}
		v.keys = append(v.keys, webhook.Key{Secret: s, Role: role})
	}
	if o.explain && id == payment.WasaaPay {
		v.keys = append(v.keys, a.otherSecrets(ctx)...)
	}
	return v, nil
}

// inspect judges one body with the headers that were given.
func (v *verifier) inspect(body []byte) payment.Inspection {
	return v.receiver.Inspect(payment.Delivery{
		Provider: v.provider, Route: offlineRoute(v.provider), Method: http.MethodPost, Header: v.header, Body: body,
	})
}

// offlineRoute lets an adapter choose by the payload's shape alone.
func offlineRoute(id payment.ProviderID) string { return "/callbacks/" + string(id) }

func (v *verifier) judge(source string, index int, d payment.Delivery) error {
	i := v.receiver.Inspect(d)
	v.summary.Count(i.Verdict)
	view := verdictView{Verdict: webhook.VerdictOf(source, index, v.provider, i)}
	if v.o.explain && i.Verdict == payment.VerdictMismatch && v.provider == payment.WasaaPay {
		view.explain(d.Body, v.keys)
	}
	return v.app.out.Line(view)
}

// explain puts the mistake into the reason, where JSON carries it too.
func (v *verdictView) explain(body []byte, keys []webhook.Key) {
	found, ok := webhook.Explain(body, keys)
	if !ok {
		found = webhook.Explanation{
			Meaning: "none of the usual mistakes fits: a value was changed after signing, or the secret is one that payctl does not have",
			Fix:     "compare the secret with the dashboard's, and take the body before any middleware touches it",
		}
	}
	v.explanation = &found
	reason := found.Meaning
	if found.Mistake != "" {
		reason = found.Mistake + ": " + found.Meaning
	}
	v.Reason = &reason
}

// payloads judges files, directories and stdin, one payload each.
func (v *verifier) payloads(ctx context.Context) error {
	return v.each(ctx, func(name string, r io.Reader) error {
		body, err := readAll(r, maxPayload, name)
		if err != nil {
			return err
		}
		return v.judge(name, 0, payment.Delivery{
			Provider: v.provider, Route: offlineRoute(v.provider), Method: http.MethodPost, Header: v.header, Body: body,
		})
	})
}

// maxPayload is the largest payload that is looked at, in bytes.
const maxPayload = 1 << 20

// archives judges files in which each line is a payload.
func (v *verifier) archives(ctx context.Context) error {
	format := v.app.out.Format()
	return v.each(ctx, func(name string, r io.Reader) error {
		archive := webhook.Archive{Source: name, Provider: v.provider, Inspect: v.inspect}
		switch {
		case format != ui.FormatText:
			archive.Format = func(dst []byte, verdict webhook.Verdict, body []byte) []byte {
				view := verdictView{Verdict: verdict}
				if v.o.explain && verdict.Verdict == string(payment.VerdictMismatch) && v.provider == payment.WasaaPay {
					view.explain(body, v.keys)
				}
				line, err := json.Marshal(view)
				if err != nil {
					return dst
				}
				return append(append(dst, line...), '\n')
			}
		default:
			archive.Format = v.textLine
		}
		summary, err := archive.Verify(ctx, r, writerFunc(v.app.out.Raw))
		v.summary.Add(summary)
		return err
	})
}

// textLine shows people only what is wrong: an archive may hold millions.
func (v *verifier) textLine(dst []byte, verdict webhook.Verdict, body []byte) []byte {
	if verdict.Reason == nil {
		return dst
	}
	view := verdictView{Verdict: verdict}
	if v.o.explain && verdict.Verdict == string(payment.VerdictMismatch) && v.provider == payment.WasaaPay {
		view.explain(body, v.keys)
	}
	return append(dst, verdict.Verdict+"  "+verdict.Source+":"+itoa(verdict.Index+1)+"  "+ui.Safe(*view.Reason)+"\n"...)
}

type writerFunc func([]byte) error

// Write implements io.Writer.
func (f writerFunc) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := f(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// deliveries judges what is stored, with the headers it came with.
func (v *verifier) deliveries(ctx context.Context) error {
	ledger, err := v.app.openLedger(ctx)
	if err != nil {
		return err
	}
	for i, id := range v.o.deliveries {
		d, err := ledger.Delivery(ctx, id)
		if err != nil {
			return err
		}
		if d.Provider != v.provider {
			return usagef("add --provider "+string(d.Provider), "delivery %s: is %s's, not %s's", id, d.Provider, v.provider)
		}
		if err := v.judge(id, i, d.Delivery); err != nil {
			return err
		}
	}
	return nil
}

// each opens every file named, the files of directories, or stdin.
func (v *verifier) each(ctx context.Context, do func(name string, r io.Reader) error) error {
	names := v.o.files
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if name == "-" {
			if err := do("-", v.app.in.Stdin); err != nil {
				return err
			}
			continue
		}
		err := filepath.WalkDir(name, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }()
			return do(path, file)
		})
		var pathErr *os.PathError
		if errors.As(err, &pathErr) {
			return usagef("check the name and the permissions", "file %s: cannot be read: %v", pathErr.Path, pathErr.Err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readHeaders reads "Name: value" lines.
func readHeaders(path string) (http.Header, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("check the name and the permissions", "headers %s: cannot be read", path)
	}
	header := http.Header{}
	for line := range strings.Lines(string(data)) {
		name, value, found := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if found && !strings.Contains(name, " ") {
			header.Add(name, strings.TrimSpace(value))
		}
	}
	return header, nil
}

// readSecretFile reads a secret and drops one line end, which editors add.
func readSecretFile(path string) (*secret.Secret, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("check the name and the permissions", "secret-file %s: cannot be read", path)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return nil, usagef("put the secret into the file", "secret-file %s: is empty", path)
	}
	return secret.New(text), nil
}
