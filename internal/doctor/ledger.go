package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// ledgerState opens the ledger to read it.
func (d *doctor) ledgerState(ctx context.Context) Finding {
	ledger, err := d.Ledger(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return skipped("there is no ledger yet; the first command that writes makes " + d.Config.DB)
	}
	if err != nil {
		f := failed(err, "payctl ledger check")
		if f.Kind == payment.KindInternal || f.Kind == payment.KindUnavailable {
			f.Kind = payment.KindInternal
		}
		return f
	}
	d.ledger = ledger
	stats, err := ledger.Stats(ctx, d.Now())
	if err != nil {
		f := failed(err, "payctl ledger check")
		f.Kind = payment.KindInternal
		return f
	}
	detail := fmt.Sprintf("%s, schema %d, %s", ledger.Path(), stats.Schema, megabytes(stats.FileBytes))
	if stats.Conflicts > 0 {
		return warn(fmt.Sprintf("%s; %d deposits have contradicting results", detail, stats.Conflicts), "payctl deposit resolve --all")
	}
	if age := d.Now().Sub(stats.OldestOpen); !stats.OldestOpen.IsZero() && age > openWarn {
		return warn(fmt.Sprintf("%s; the oldest undecided deposit has been open for %s", detail, age.Round(time.Minute)), "payctl deposit resolve --all")
	}
	return ok(detail)
}

// openWarn is when an undecided deposit is worth a word: prompts last some minutes.
const openWarn = 15 * time.Minute

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// What the ledger's disk should have free.
const (
	diskWarn = 1 << 30
	diskFail = 64 << 20
)

// disk looks at the room beside the ledger.
func (d *doctor) disk(context.Context) Finding {
	if d.Config.DB == "" {
		return skipped("no ledger is named")
	}
	if d.Config.SharedLedger() {
		return skipped("the ledger is on a server; see payctl ledger info")
	}
	dir := filepath.Dir(d.Config.DB)
	for existing(dir) == "" && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	left, err := free(dir)
	if err != nil {
		return skipped("the free space of " + dir + " is not known")
	}
	detail := megabytes(left) + " are free where the ledger is"
	switch {
	case left < diskFail:
		return fail(payment.KindInternal, detail, "make room, or prune: payctl ledger prune --older-than 90d")
	case left < diskWarn:
		return warn(detail, "make room, or prune: payctl ledger prune --older-than 90d")
	}
	return ok(detail)
}

// forwards looks at what waits to be sent to apps.
func (d *doctor) forwards(ctx context.Context) Finding {
	if d.ledger == nil {
		return skipped("the ledger was not opened")
	}
	stats, err := d.ledger.Stats(ctx, d.Now())
	if err != nil {
		return skipped("the ledger did not say")
	}
	detail := fmt.Sprintf("%d forwards wait, %d were given up", stats.Waiting, stats.Dead)
	if stats.Dead > 0 {
		return warn(detail, "payctl webhook queue list, then payctl webhook replay --failed")
	}
	return ok(detail)
}
