package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/webhook"
)

// echo judges by the line's first letter and prints index and length.
func echo(workers int) *webhook.Archive {
	return &webhook.Archive{
		Source: "test", Workers: workers,
		Judge: func() webhook.Judge {
			return func(body []byte) (webhook.Judged, error) {
				switch body[0] {
				case 'v':
					return webhook.Judged{Verdict: payment.VerdictValid, Event: string(body)}, nil
				case 'm':
					return webhook.Judged{Verdict: payment.VerdictMismatch, Event: string(body), Reason: "no"}, nil
				}
				return webhook.Judged{Verdict: payment.VerdictMalformed, Event: string(body)}, nil
			}
		},
		Format: func(dst []byte, index int, j webhook.Judged) []byte {
			return fmt.Appendf(dst, "%d %s %d\n", index, j.Verdict, len(j.Event))
		},
	}
}

func TestArchiveKeepsOrder(t *testing.T) {
	t.Parallel()
	var in, want bytes.Buffer
	var count webhook.Summary
	for i := range 30000 {
		letter, verdict := "v", payment.VerdictValid
		switch i % 7 {
		case 3:
			letter, verdict = "m", payment.VerdictMismatch
		case 5:
			letter, verdict = "x", payment.VerdictMalformed
		}
		line := letter + strings.Repeat("a", i%1500)
		fmt.Fprintln(&in, line)
		fmt.Fprintf(&want, "%d %s %d\n", i, verdict, len(line))
		count.Count(verdict)
	}
	for _, workers := range []int{1, 2, 5} {
		var out bytes.Buffer
		got, err := echo(workers).Verify(t.Context(), bytes.NewReader(in.Bytes()), &out)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(count, got); diff != "" {
			t.Errorf("%d workers, summary (-want +got):\n%s", workers, diff)
		}
		if !bytes.Equal(out.Bytes(), want.Bytes()) {
			t.Errorf("%d workers: the order of the output is not that of the lines", workers)
		}
	}
}

func TestArchiveForms(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"no line end", "va", "0 valid 2\n"},
		{"windows line ends", "va\r\nmb\r\n", "0 valid 2\n1 mismatch 2\n"},
		{"empty lines keep the count", "\n\nva\n  \nmb", "2 valid 2\n4 mismatch 2\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if _, err := echo(2).Verify(t.Context(), iotest.OneByteReader(strings.NewReader(tt.in)), &out); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestArchiveLongLine(t *testing.T) {
	t.Parallel()
	in := io.MultiReader(strings.NewReader("va\n"), strings.NewReader(strings.Repeat("v", 3<<20)))
	_, err := echo(2).Verify(t.Context(), in, io.Discard)
	if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v, want a usage error that names line 2", err)
	}
}

func TestArchiveEndsOnTrouble(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk")
	many := strings.Repeat("v\n", 4<<20)
	if _, err := echo(2).Verify(t.Context(), strings.NewReader(many), failing{broken}); !errors.Is(err, broken) {
		t.Errorf("writer: got %v", err)
	}
	if _, err := echo(2).Verify(t.Context(), iotest.ErrReader(broken), io.Discard); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("reader: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := echo(2).Verify(ctx, strings.NewReader(many), io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// An interrupted reading is an interruption, not a bad archive.
func TestArchiveInterrupted(t *testing.T) {
	t.Parallel()
	archive := webhook.Archive{Source: "-", Judge: func() webhook.Judge { return nil }}
	if _, err := archive.Verify(t.Context(), iotest.ErrReader(context.Canceled), io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
