//go:build !windows

package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// secretWorld is a sandbox whose sevi.token is given by a line of the user file.
func secretWorld(t *testing.T, line string, keyring func(string, string) (string, error)) (*world, *SecretRef) {
	t.Helper()
	w := newWorld(t)
	w.user("profile: sandbox\nprofiles:\n  sandbox:\n    sevi:\n      " + line + "\n")
	s := w.source()
	s.Keyring = keyring
	c, err := Load(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return w, c.Sevi.Token
}

// A run that has a time limit of its own ends by it: a slow command is then no
// missing credential.
func TestSlowCommandEndsWithTheRun(t *testing.T) {
	t.Parallel()
	_, ref := secretWorld(t, "token_command: [sleep, '30']", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := ref.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// What a command leaves running (an agent, a daemon) holds its output open; the
// secret was written all the same.
func TestCommandThatLeavesADaemon(t *testing.T) {
	t.Parallel()
	_, ref := secretWorld(t, "token_command: sleep 20 & echo tok_1", nil)
	value, err := ref.Get(t.Context())
	if err != nil || value.Reveal() != "tok_1" {
		t.Errorf("got %v, %v", value, err)
	}
}

// A pipe that nobody writes to does not hold a run that was told to stop.
func TestPipeForASecretFile(t *testing.T) {
	t.Parallel()
	w, ref := secretWorld(t, "token_file: pipe", nil)
	pipe := filepath.Join(w.userDir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := ref.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody writes: got %v", err)
	}
	writer, err := os.OpenFile(pipe, os.O_WRONLY, 0) // lets go of the reader that was left waiting
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
}

// Tools that store what is piped into them keep its line end.
func TestKeyringEntryWithALineEnd(t *testing.T) {
	t.Parallel()
	_, ref := secretWorld(t, "token_keyring: payctl/sevi", func(string, string) (string, error) { return "tok_1\n", nil })
	value, err := ref.Get(t.Context())
	if err != nil || value.Reveal() != "tok_1" {
		t.Errorf("got %v, %v", value, err)
	}
}

// A directory that everybody can write to is nobody's repository: a root planted in a
// shared parent such as /tmp does not make the file beside it obeyed.
func TestRootPlantedInASharedDirectory(t *testing.T) {
	t.Parallel()
	shared := filepath.Join(t.TempDir(), "tmp")
	mine := filepath.Join(shared, "mine")
	w := newWorld(t)
	w.mkdir(filepath.Join(shared, ".git"))
	w.mkdir(mine)
	w.write(filepath.Join(shared, projectFile), "profile: sandbox\n", 0o644)
	if err := os.Chmod(shared, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{mine: "local", shared: "sandbox"} {
		s := w.source()
		s.WorkDir = dir
		c, err := Load(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if c.Profile != want {
			t.Errorf("from %s: profile %s, want %s", dir, c.Profile, want)
		}
	}
}
