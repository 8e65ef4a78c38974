package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// stateVersion is the form of the state file.
const stateVersion = 1

// savePause is the rest between two saves of a state that changes, in real time.
const savePause = 5 * time.Second

// stateForm is the state file. Callbacks and results that are under way are not kept: they are lost with the
// process, as they would be with a gateway.
type stateForm[P any] struct {
	Version  int          `json:"version"`
	Seed     uint64       `json:"seed"`
	Saved    time.Time    `json:"saved"` // on the emulator's clock
	Counters []uint64     `json:"counters"`
	Parts    map[string]P `json:"parts"`
}

// savedState is a state file that was read, its parts as they stand there.
type savedState = stateForm[json.RawMessage]

// loadState reads the state file; one that does not exist yet is an empty one.
func (e *Emulator) loadState() error {
	if e.opts.StateFile == "" {
		return nil
	}
	saved, found, err := readState(e.opts.StateFile)
	if err != nil || !found {
		return err
	}
	if saved.Seed != e.opts.Seed {
		return fmt.Errorf("state file %s was made with seed %d: start with that seed or name another file", e.opts.StateFile, saved.Seed)
	}
	e.engine.Lock()
	defer e.engine.Unlock()
	e.engine.Clock.Restore(saved.Saved)
	e.engine.IDs.Restore(saved.Counters)
	for _, p := range e.parts {
		if part, found := saved.Parts[p.Name()]; found {
			if err := p.Load(part); err != nil {
				return fmt.Errorf("state file %s: %s: %w", e.opts.StateFile, p.Name(), err)
			}
		}
	}
	return nil
}

// StateSeed returns the seed that a state file was made with, so that an emulator which was given none can go on with
// it; false if there is no file yet.
func StateSeed(name string) (uint64, bool, error) {
	saved, found, err := readState(name)
	return saved.Seed, found, err
}

// readState reads a state file and checks its form; false if there is none.
func readState(name string) (savedState, bool, error) {
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return savedState{}, false, nil
	}
	if err != nil {
		return savedState{}, false, fmt.Errorf("state file: %w", err)
	}
	var saved savedState
	if err := json.Unmarshal(raw, &saved); err != nil {
		return savedState{}, false, fmt.Errorf("state file %s is not one of the emulator's; move it away or name another: %w", name, err)
	}
	if saved.Version != stateVersion {
		return savedState{}, false, fmt.Errorf("state file %s has version %d, this emulator reads %d: name another file", name, saved.Version, stateVersion)
	}
	return saved, true, nil
}

// saveState writes the state file, so that a crash leaves the old one or the new one. The lock is held only while the
// state is copied: encoding and writing hundreds of thousands of payments takes seconds, in which others go on. Calls must
// not overlap, or the older state could replace the newer.
func (e *Emulator) saveState() error {
	if e.opts.StateFile == "" {
		return nil
	}
	form := e.copyState()
	err := e.replace(e.opts.StateFile, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return enc.Encode(form())
	})
	if err != nil {
		e.engine.Locked(e.engine.Touch)
		return fmt.Errorf("state file: %w", err)
	}
	return nil
}

// copyState takes the state of one moment; what it returns makes the file's form of it, without the lock.
func (e *Emulator) copyState() func() stateForm[any] {
	e.engine.Lock()
	defer e.engine.Unlock()
	e.engine.Saved()
	form := stateForm[any]{
		Version: stateVersion, Seed: e.opts.Seed, Saved: e.engine.Now().UTC(), Counters: e.engine.IDs.Counters(), Parts: map[string]any{},
	}
	parts := map[string]func() any{}
	for _, p := range e.parts {
		parts[p.Name()] = p.Save()
	}
	return func() stateForm[any] {
		for name, part := range parts {
			form.Parts[name] = part()
		}
		return form
	}
}

// keepState saves a changed state now and then until the emulator closes. A failure is tried again, and reported by Close.
func (e *Emulator) keepState() {
	pause := time.NewTimer(savePause)
	defer pause.Stop()
	for {
		select {
		case <-e.engine.Stopped():
			return
		case <-pause.C:
			var changed bool
			e.engine.Locked(func() { changed = e.engine.Changed() })
			if changed {
				_ = e.saveState()
			}
			pause.Reset(savePause) // from the end of a save, which may take long
		}
	}
}
