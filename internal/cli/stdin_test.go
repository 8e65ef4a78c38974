package cli

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// silence is an input that nobody ever types into; it tells when it is read.
type silence struct{ asked chan struct{} }

func (s silence) Read([]byte) (int, error) {
	close(s.asked)
	select {}
}

func TestSilentInputIsInterrupted(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"webhook", "verify", "--provider", "daraja"},
		{"webhook", "verify", "--provider", "daraja", "--ndjson"},
		{"webhook", "sign"},
		{"explain", "--stdin"},
		{"daraja", "credential", "encrypt", "--password-file", "-", "--profile", "local"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			interrupt := make(chan context.CancelFunc, 1)
			in := silence{make(chan struct{})}
			var stdout, stderr bytes.Buffer
			code := make(chan int, 1)
			go func() {
				code <- Main(t.Context(), Invocation{
					Args: args, Stdin: in, Stdout: &stdout, Stderr: &stderr, Dir: t.TempDir(),
					Signals: func(stop context.CancelFunc) { interrupt <- stop },
				})
			}()
			select {
			case <-in.asked:
			case got := <-code:
				t.Fatalf("exit %d before stdin was read: %s", got, &stderr)
			}
			stop := <-interrupt
			stop()
			if got := <-code; got != 130 {
				t.Errorf("exit %d, want 130; stderr %s", got, &stderr)
			}
			if got, want := stderr.String(), "payctl: interrupted\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// A command that is over at once needs no watch for signals; one that acts has it
// before it begins.
func TestSignalsAreWatchedWhereTheyMatter(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args []string
		want int
	}{
		{[]string{"version"}, 0},
		{[]string{"config", "path"}, 0},
		{[]string{"deposit", "create", "--phone", "12"}, 1},
		{[]string{"daraja", "credential", "encrypt"}, 1},
	} {
		t.Run(strings.Join(tc.args, " "), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got := 0
				Main(t.Context(), Invocation{
					Args: tc.args, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Dir: t.TempDir(),
					Signals: func(context.CancelFunc) { got++ },
				})
				time.Sleep(time.Second)
				if got != tc.want {
					t.Errorf("watched %d times, want %d", got, tc.want)
				}
			})
		})
	}
}
