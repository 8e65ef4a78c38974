//go:build !windows

package config

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// A command that writes without end is stopped at the limit, also one that pays no
// heed to its output being closed.
func TestCommandThatWritesWithoutEnd(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"a program":          "token_command: [yes, LEAK]",
		"a shell":            "token_command: yes LEAK",
		"deaf to the signal": "token_command: trap '' PIPE; while :; do echo LEAKLEAKLEAKLEAKLEAKLEAKLEAKLEAKLEAKLEAKLEAKLEAKLEAK; done 2>/dev/null",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, ref := secretWorld(t, line, nil)
			start := time.Now()
			_, err := ref.Get(t.Context())
			if err == nil || !strings.Contains(err.Error(), "writes more than 64 KiB") || strings.Contains(err.Error(), "LEAK") {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// What a shell has started holds the output open after the shell was killed; a run
// whose time is over does not wait for that.
func TestSlowCommandOfAShellEndsWithTheRun(t *testing.T) {
	t.Parallel()
	_, ref := secretWorld(t, "token_command: sleep 5; echo tok_1", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := ref.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 800*time.Millisecond {
		t.Errorf("took %s", took)
	}
}
