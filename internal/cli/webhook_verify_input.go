package cli

import (
	"bytes"
	"cmp"
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
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/webhook"
)

// maxPayload is the largest payload that is looked at, in bytes.
const maxPayload = 1 << 20

// farAway is how far from now a payload's time is worth a note.
const farAway = 24 * time.Hour

// show shows one verdict that is not a line of an archive.
func (v *verifier) show(source string, index int, j webhook.Judged) error {
	v.summary.Count(j.Verdict)
	if v.o.tolerance == 0 && !j.At.IsZero() && v.now().Sub(j.At).Abs() > farAway {
		v.out.Note("%s: its time is %s; --tolerance refuses what is too old", source, webhook.Age(j.At, v.now()))
	}
	shown := view.Verified{Verdict: j.Worded(source, index), Fix: j.Fix}
	switch v.out.Format() {
	case ui.FormatText, ui.FormatNDJSON:
		v.keepErr(v.out.Line(shown))
		return nil
	case ui.FormatJSON, ui.FormatCSV:
	}
	v.views = append(v.views, shown)
	return nil
}

// payloads judges files, directories and stdin.
func (v *verifier) payloads(ctx context.Context) error {
	return v.each(ctx, func(name string, r io.Reader) error {
		text, err := readAll(r, webhook.MaxInput, name)
		if err != nil {
			return err
		}
		return v.check.Payloads(ctx, text, func(index int, j webhook.Judged) error { return v.show(name, index, j) })
	})
}

// archives judges files in which each line is a payload.
func (v *verifier) archives(ctx context.Context) error {
	return v.each(ctx, func(name string, r io.Reader) error {
		format := textLine(ui.Safe(name))
		if v.out.Format() != ui.FormatText {
			format = func(dst []byte, index int, j webhook.Judged) []byte { return j.AppendLine(dst, name, index) }
		}
		summary, err := v.check.Archive(ctx, name, format).Verify(ctx, r, writerFunc(v.writeLines))
		v.summary.Add(summary)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	})
}

// textLine shows people only what is wrong: an archive may hold millions.
func textLine(source string) func([]byte, int, webhook.Judged) []byte {
	return func(dst []byte, index int, j webhook.Judged) []byte {
		if j.Verdict == payment.VerdictValid || j.Verdict == payment.VerdictUnsigned && j.Reason == "" {
			return dst
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
		err = cmp.Or(err, e.out.Line(view.JSONLine{RawMessage: bytes.TrimSuffix(line, []byte("\n"))}))
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
		if whose := v.check.Provider; whose != "" && d.Provider != whose {
			return usagef("leave --provider out", "delivery %s: is %s's, not %s's", d.ID, d.Provider, whose)
		}
		judged, err := v.check.Delivery(ctx, d.Delivery, func(secrets []*secret.Secret) http.Header { return withCredential(ledger, d.Header, secrets) })
		if err != nil {
			return err
		}
		if err := v.show(d.ID, 0, judged); err != nil {
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
	data, err := readFile("headers", path, maxSecret)
	if err != nil {
		return nil, err
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
	data, err := readTrusted("secret-file", path, maxSecret)
	if err != nil {
		return nil, err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return nil, usagef("put the secret into the file", "secret-file %s: is empty", path)
	}
	return secret.New(text), nil
}
