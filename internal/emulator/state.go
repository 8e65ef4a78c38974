package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// stateVersion is the form of the state file.
const stateVersion = 1

// savePause is how often a changed state is written while running, in real time.
const savePause = 5 * time.Second

// savedState is the state file. Callbacks and results that are under way are not kept: they are lost with the
// process, as they would be with a gateway.
type savedState struct {
	Version  int                        `json:"version"`
	Seed     uint64                     `json:"seed"`
	Saved    time.Time                  `json:"saved"` // on the emulator's clock
	Counters []uint64                   `json:"counters"`
	Parts    map[string]json.RawMessage `json:"parts"`
}

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
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clock.restore(saved.Saved)
	for i, n := range saved.Counters {
		if i < len(e.ids.next) {
			e.ids.next[i].Store(n)
		}
	}
	for _, p := range e.parts {
		if part, found := saved.Parts[p.name()]; found {
			if err := p.load(part); err != nil {
				return fmt.Errorf("state file %s: %s: %w", e.opts.StateFile, p.name(), err)
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

// saveState writes the state file, so that a crash leaves the old one or the new one. The lock is held.
func (e *Emulator) saveState() error {
	if e.opts.StateFile == "" {
		return nil
	}
	saved := savedState{Version: stateVersion, Seed: e.opts.Seed, Saved: e.now().UTC(), Parts: map[string]json.RawMessage{}}
	for i := range e.ids.next {
		saved.Counters = append(saved.Counters, e.ids.next[i].Load())
	}
	for _, p := range e.parts {
		saved.Parts[p.name()] = encode(p.save())
	}
	if err := replaceFile(e.opts.StateFile, encode(saved)); err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	e.dirty = false
	return nil
}

// replaceFile writes beside the file and renames; a temporary file is made with mode 0600.
func replaceFile(name string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}

// keepState saves a changed state now and then until the emulator closes. A failure is tried again, and reported by Close.
func (e *Emulator) keepState() {
	tick := time.NewTicker(savePause)
	defer tick.Stop()
	for {
		select {
		case <-e.done:
			return
		case <-tick.C:
			e.locked(func() {
				if e.dirty {
					_ = e.saveState()
				}
			})
		}
	}
}
