package cli

import (
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
	a := newSession(Invocation{Stdin: in})
	if line, err := a.typed(t.Context()); err != nil || len(line) != maxTyped || in.read > 1<<16 {
		t.Errorf("%d bytes of %d that were read, %v", len(line), in.read, err)
	}
}
