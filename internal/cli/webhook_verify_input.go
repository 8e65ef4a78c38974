package cli

import (
	"context"
	"io"
	"time"

	"github.com/payctl/payctl/internal/input"
	"github.com/payctl/payctl/internal/payment"
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
	return v.files.Each(ctx, func(name string, r io.Reader) error {
		text, err := input.All(r, webhook.MaxInput, name)
		if err != nil {
			return err
		}
		return v.check.Payloads(ctx, text, func(index int, j webhook.Judged) error { return v.show(name, index, j) })
	})
}

// archives judges files in which each line is a payload.
func (v *verifier) archives(ctx context.Context) error {
	return v.files.Each(ctx, func(name string, r io.Reader) error {
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
	v.keepErr(v.out.JSONLines(lines))
	return nil
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
		judged, err := v.check.Stored(ctx, d, ledger.ProveCredential)
		if err != nil {
			return err
		}
		if err := v.show(d.ID, 0, judged); err != nil {
			return err
		}
	}
	return nil
}
