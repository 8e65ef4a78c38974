// Package budget shares the rate limits of providers among all processes of a machine's
// user, whatever ledger or profile they work with: the limits are per provider app. Those
// who work with a shared ledger have one budget in it, on whatever machine they are. It
// leaves which limits there are to the adapters.
//
// Users do not share one: the place would have to be one that others may write, and whoever
// may write it may keep everybody from asking, or learn which apps are used. Two users of
// one app who meet its limit are taught by its refusals, each for himself.
package budget

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/filelock"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trustfile"
)

const (
	// lockPoll is how often a waiting process looks for the lock, lockWait how long: a
	// holder that hangs must not stop others.
	lockPoll = 5 * time.Millisecond
	lockWait = 5 * time.Second
	// forgetAfter is when half of what a provider's refusals have taught is forgotten.
	forgetAfter = 10 * time.Minute
	// sameHold is how far apart what two requests heard of one refusal may be: several
	// that were under way together teach no more than one does.
	sameHold = time.Second
	// mostLearned bounds the interval that refusals lead to.
	mostLearned = time.Minute
	// mostFile bounds a budget's file, in bytes.
	mostFile = 4 << 10
)

// Files is a budget with one small file (0600) for each key in a directory of the user's.
// Slots are given in the order in which they are asked for. A file that cannot be used
// costs a refusal of the provider's, never a question: the slot is then free.
type Files struct {
	// Dir is made when it is first needed.
	Dir string
	Now func() time.Time
}

var _ payment.Budget = Files{}

// keeping hands a key's state to do, with the time in microseconds, alone, and keeps what
// do makes of it where that returns true.
type keeping func(ctx context.Context, key string, do func(s *state, now int64) bool) error

// state is what a file holds. Times are microseconds since 1970.
type state struct {
	// Next is when the next slot is free, Updated when it was last written.
	Next    int64 `json:"next"`
	Updated int64 `json:"updated"`
	// Per is the interval last used, Learned a longer one that refusals have led to, and
	// LearnedAt when; both intervals are microseconds.
	Per       int64 `json:"per"`
	Learned   int64 `json:"learned"`
	LearnedAt int64 `json:"learned_at"`
	// Held is until when everybody was last asked to wait.
	Held int64 `json:"held"`
}

// change has do change the state, and reports whether it did. If the clock has been set
// back since it was last used, the slots move with it: nobody waits for an hour that the
// clock repeats.
func (s *state) change(now int64, do func(s *state, now int64) bool) bool {
	back := max(0, s.Updated-now)
	s.Next, s.Held = s.Next-back, s.Held-back
	if !do(s, now) {
		return false
	}
	s.Updated = now
	return true
}

// ReserveWithin implements payment.Budget. A per of 0 or less means no limit and touches
// nothing.
func (k keeping) ReserveWithin(ctx context.Context, key string, per, most time.Duration) (payment.Slot, error) {
	if per <= 0 {
		return payment.Slot{}, nil
	}
	slot := payment.Slot{}
	err := k(ctx, key, func(s *state, now int64) bool {
		s.Per = max(per.Microseconds(), s.learned(now))
		at := max(now, s.Next)
		slot = payment.Slot{Key: key, Per: time.Duration(s.Per) * time.Microsecond, Wait: time.Duration(at-now) * time.Microsecond}
		if slot.Wait > most {
			return false
		}
		slot.At = time.UnixMicro(at)
		s.Next = at + s.Per
		return true
	})
	return slot, err
}

// learned is the interval that refusals have led to, as far as it is remembered.
func (s *state) learned(now int64) int64 {
	halvings := min(max(now-s.LearnedAt, 0)/forgetAfter.Microseconds(), 62)
	return s.Learned >> halvings
}

// Unreserve implements payment.Budget: the slot is free again if nobody has booked or
// held the budget since.
func (k keeping) Unreserve(ctx context.Context, slot payment.Slot) error {
	if slot.At.IsZero() {
		return nil
	}
	return k(ctx, slot.Key, func(s *state, _ int64) bool {
		if s.Next != slot.At.UnixMicro()+slot.Per.Microseconds() {
			return false
		}
		s.Next = slot.At.UnixMicro()
		return true
	})
}

// Hold implements payment.Budget. A provider that asks to be left alone was asked too
// often: the interval grows by half, and shrinks again with time. A slot that ends later
// has covered the time; it is moved by a microsecond, so that Unreserve, which takes only
// the last one back, does not take the hold with it.
func (k keeping) Hold(ctx context.Context, key string, until time.Time) error {
	return k(ctx, key, func(s *state, now int64) bool {
		if until.UnixMicro() <= now || until.UnixMicro() < s.Held+sameHold.Microseconds() {
			return false
		}
		s.Held = until.UnixMicro()
		if s.Per > 0 {
			s.Learned, s.LearnedAt = min(max(s.Per, s.learned(now))*3/2, mostLearned.Microseconds()), now
		}
		s.Next = max(s.Next+1, until.UnixMicro())
		return true
	})
}

// ReserveWithin implements payment.Budget.
func (f Files) ReserveWithin(ctx context.Context, key string, per, most time.Duration) (payment.Slot, error) {
	return keeping(f.change).ReserveWithin(ctx, key, per, most)
}

// Unreserve implements payment.Budget.
func (f Files) Unreserve(ctx context.Context, slot payment.Slot) error {
	return keeping(f.change).Unreserve(ctx, slot)
}

// Hold implements payment.Budget.
func (f Files) Hold(ctx context.Context, key string, until time.Time) error {
	return keeping(f.change).Hold(ctx, key, until)
}

// change reads a key's state under its lock and writes it back where do says so.
func (f Files) change(ctx context.Context, key string, do func(s *state, now int64) bool) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	path, unlock, err := f.lock(ctx, key)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		do(&state{}, f.Now().UnixMicro()) // nobody shares what cannot be written
		return nil
	}
	defer unlock()
	s := read(path)
	if !s.change(f.Now().UnixMicro(), do) {
		return nil
	}
	if body, err := json.Marshal(s); err == nil {
		_ = atomicfile.Write(path, body)
	}
	return nil
}

func (f Files) lock(ctx context.Context, key string) (path string, unlock func(), err error) {
	if f.Dir == "" {
		return "", nil, errors.New("there is no directory for it")
	}
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256([]byte(key))
	path = filepath.Join(f.Dir, hex.EncodeToString(sum[:12])+".json")
	l, err := filelock.At("budget", path+".lock")
	if err != nil {
		return "", nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	if _, err := l.TryLockContext(waiting, lockPoll); err != nil {
		return "", nil, err
	}
	return path, func() { _ = l.Close() }, nil
}

// read returns what a file holds; one that is not ours, or damaged, holds nothing.
func read(path string) (s state) {
	body, err := trustfile.ReadInside("budget", filepath.Dir(path), path, mostFile)
	if err != nil || json.Unmarshal(body, &s) != nil {
		return state{}
	}
	return s
}
