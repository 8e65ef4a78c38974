package input

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// endless is an input without a line end, such as /dev/zero.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 1<<20 {
		return 0, iotest.ErrTimeout
	}
	return len(p), nil
}

// What a person types is short: an endless line must not fill the memory.
func TestEndlessLineIsNotRead(t *testing.T) {
	t.Parallel()
	in := &endless{}
	if line, err := Line(t.Context(), in); err != nil || len(line) != maxTyped || in.read > 1<<16 {
		t.Errorf("%d bytes of %d that were read, %v", len(line), in.read, err)
	}
}

func TestStdinGivesWhatItReads(t *testing.T) {
	t.Parallel()
	in := iotest.DataErrReader(iotest.HalfReader(strings.NewReader("100.00\nrest")))
	got, err := io.ReadAll(Until(t.Context(), in))
	if err != nil || string(got) != "100.00\nrest" {
		t.Errorf("got %q, %v", got, err)
	}
	in = strings.NewReader("100\n")
	if line, err := Line(t.Context(), in); err != nil || line != "100\n" {
		t.Errorf("got %q, %v", line, err)
	}
	if line, err := Line(t.Context(), in); !errors.Is(err, io.EOF) {
		t.Errorf("got %q, %v", line, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in = strings.NewReader("100\n")
	if line, err := Line(ctx, in); !errors.Is(err, context.Canceled) {
		t.Errorf("got %q, %v", line, err)
	}
}
