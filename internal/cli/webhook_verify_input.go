package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/webhook"
)

// maxPayload is the largest payload that is looked at, in bytes.
const maxPayload = 1 << 20

// farAway is how far from now a payload's time is worth a note.
const farAway = 24 * time.Hour

// judge judges one payload that is not a line of an archive.
func (v *verifier) judge(m *verifyMeans, source string, d payment.Delivery) error {
	judged := webhook.JudgedOf(m.receiver.Inspect(d)).Within(v.o.tolerance, v.now())
	v.summary.Count(judged.Verdict)
	if v.o.tolerance == 0 && !judged.At.IsZero() && v.now().Sub(judged.At).Abs() > farAway {
		v.out.Note("%s: its time is %s; --tolerance refuses what is too old", source, webhook.Age(judged.At, v.now()))
	}
	var explanation *webhook.Explanation
	if v.o.explain && !judged.Stale {
		judged, explanation = m.explained(judged, d.Body)
	}
	view := verdictView{judged.Worded(source, 0, m.provider), explanation}
	switch v.out.Format() {
	case ui.FormatText, ui.FormatNDJSON:
		v.keepErr(v.out.Line(view))
		return nil
	case ui.FormatJSON, ui.FormatCSV:
	}
	v.views = append(v.views, view)
	return nil
}

// delivery is a payload as if it had just come, with the headers that were
// given. The route lets an adapter choose by the payload's shape alone.
func (v *verifier) delivery(id payment.ProviderID, body []byte) payment.Delivery {
	return payment.Delivery{Provider: id, Route: "/callbacks/" + string(id), Method: http.MethodPost, Header: v.header, Body: body}
}

// payloads judges files, directories and stdin, one payload each.
func (v *verifier) payloads(ctx context.Context) error {
	m, err := v.named(ctx)
	if err != nil {
		return err
	}
	return v.each(ctx, func(name string, r io.Reader) error {
		body, err := readAll(r, maxPayload, name)
		if err != nil {
			return err
		}
		return v.judge(m, name, v.delivery(m.provider, body))
	})
}

// named are the means of the provider named on the command line.
func (v *verifier) named(ctx context.Context) (*verifyMeans, error) {
	id, err := v.provider(payment.WasaaPay)
	if err != nil {
		return nil, err
	}
	return v.of(ctx, id)
}

// archives judges files in which each line is a payload.
func (v *verifier) archives(ctx context.Context) error {
	m, err := v.named(ctx)
	if err != nil {
		return err
	}
	return v.each(ctx, func(name string, r io.Reader) error {
		archive := webhook.Archive{Source: name, Judge: v.lineJudge(m), Format: v.textLine(m, name)}
		if v.out.Format() != ui.FormatText {
			archive.Format = v.jsonLine(m, name)
		}
		summary, err := archive.Verify(ctx, r, writerFunc(v.writeLines))
		v.summary.Add(summary)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	})
}

func (v *verifier) lineJudge(m *verifyMeans) func() webhook.Judge {
	return func() webhook.Judge {
		if m.provider == payment.WasaaPay && v.o.tolerance == 0 {
			return webhook.WasaaPayJudge(m.secrets)
		}
		whole := webhook.Inspecting(m.receiver, v.delivery(m.provider, nil))
		return func(body []byte) webhook.Judged { return whole(body).Within(v.o.tolerance, v.now()) }
	}
}

func (v *verifier) jsonLine(m *verifyMeans, source string) func([]byte, int, webhook.Judged, []byte) []byte {
	return func(dst []byte, index int, j webhook.Judged, body []byte) []byte {
		if v.o.explain && !j.Stale {
			j, _ = m.explained(j, body)
		}
		return j.AppendLine(dst, source, index, m.provider)
	}
}

// textLine shows people only what is wrong: an archive may hold millions.
func (v *verifier) textLine(m *verifyMeans, source string) func([]byte, int, webhook.Judged, []byte) []byte {
	source = ui.Safe(source)
	return func(dst []byte, index int, j webhook.Judged, body []byte) []byte {
		if j.Verdict == payment.VerdictValid || j.Verdict == payment.VerdictUnsigned && j.Reason == "" {
			return dst
		}
		if v.o.explain && !j.Stale {
			j, _ = m.explained(j, body)
		}
		return append(dst, string(j.Verdict)+"  "+source+":"+itoa(index+1)+"  "+ui.Safe(j.Reason)+"\n"...)
	}
}

// writeLines prints lines. What cannot be printed is judged all the same: the
// verdict is the exit code.
func (v *verifier) writeLines(lines []byte) error {
	v.keepErr(v.printLines(lines))
	return nil
}

// printLines prints lines of JSON as they are, or one by one through a filter.
func (e *env) printLines(lines []byte) error {
	if e.global.jq == "" && e.global.template == "" {
		return e.out.Raw(lines)
	}
	var err error
	for line := range bytes.Lines(lines) {
		err = orError(err, e.out.Line(lineView{bytes.TrimSuffix(line, []byte("\n"))}))
	}
	return err
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
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	for _, id := range v.o.deliveries {
		d, err := ledger.Deliveries.Get(ctx, id)
		if err != nil {
			return err
		}
		whose, err := v.provider(d.Provider)
		if err != nil {
			return err
		}
		if d.Provider != whose {
			return usagef("leave --provider out", "delivery %s: is %s's, not %s's", d.ID, d.Provider, whose)
		}
		m, err := v.of(ctx, whose)
		if err != nil {
			return err
		}
		d.Header = withCredential(ledger, d.Header, m.secrets)
		if err := v.judge(m, d.ID, d.Delivery); err != nil {
			return err
		}
	}
	return nil
}

// withCredential puts the credential that a delivery came with back into its header,
// where it is one of the secrets: the ledger keeps a keyed hash of it alone.
func withCredential(ledger *store.Store, header http.Header, secrets []*secret.Secret) http.Header {
	kept := header.Get(store.HeaderCredential)
	if kept == "" {
		return header
	}
	out := header.Clone()
	out.Del(store.HeaderCredential)
	for _, s := range secrets {
		configured := s.Reveal()
		_, bare, schemed := strings.Cut(configured, " ")
		if !schemed {
			bare = configured
		}
		for _, value := range []string{configured, bare, "Bearer " + bare, "Token " + bare} {
			if ledger.ProveCredential(value) == kept {
				out.Set("Authorization", value)
				return out
			}
		}
	}
	out.Set("Authorization", "another") // it came with one, which is none of these
	return out
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
			if err := do("-", v.stdin(ctx)); err != nil {
				return err
			}
			continue
		}
		err := filepath.WalkDir(name, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			if path != name && !mayBeFile(path) {
				v.out.Warn("%s: is no regular file, left out", path)
				return nil
			}
			file, err := openInput(ctx, path)
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }()
			return do(path, file)
		})
		var pathErr *os.PathError
		if errors.As(err, &pathErr) && payment.KindOf(err) == payment.KindInternal {
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
