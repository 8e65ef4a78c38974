package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/payctl/payctl/internal/payment"
)

// kind is what a delivery is, for filters and counts. The ledger numbers the
// kinds as they appear.
type kind struct {
	provider  payment.ProviderID
	route     string
	event     string
	verdict   payment.Verdict
	status    payment.Status
	duplicate bool
}

// kindRow is a kind with its number.
type kindRow struct {
	id int64
	kind
}

func kindColumns(k *kindRow, to []column) []column {
	return append(to, []column{
		{"id", (*integer)(&k.id)},
		{"provider", (*text)(&k.provider)},
		{"route", (*text)(&k.route)},
		{"event", (*text)(&k.event)},
		{"verdict", (*text)(&k.verdict)},
		{"status", (*text)(&k.status)},
		{"duplicate", (*boolean)(&k.duplicate)},
	}...)
}

// kinds are those that were read so far. None changes, and none goes.
type kinds struct {
	mu   sync.RWMutex
	byID map[int64]kind
}

// nameKinds gives rows their kinds, which are read when one is new.
func (db *database) nameKinds(ctx context.Context, rows []deliveryView) error {
	if db.kinds.name(rows) {
		return nil
	}
	if _, err := db.allKinds(ctx); err != nil {
		return err
	}
	if !db.kinds.name(rows) {
		return errors.New("the ledger holds a delivery of a kind that it does not have")
	}
	return nil
}

// allKinds reads the kinds, and remembers them.
func (db *database) allKinds(ctx context.Context) ([]kindRow, error) {
	all, err := db.tables.kinds.all(ctx, db, "")
	if err == nil {
		db.kinds.learn(all)
	}
	return all, err
}

// matchingKinds returns the numbers of the kinds that a filter lets pass, and
// whether these are all. Strays pass only where they are asked for.
func (h *Deliveries) matchingKinds(ctx context.Context, f DeliveryFilter) (out []int64, whole bool, err error) {
	kinds, err := h.allKinds(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, k := range kinds {
		switch {
		case f.Provider != "" && f.Provider != k.provider,
			!matchesEvent(f.Event, k.event),
			!contains(f.Verdicts, k.verdict), len(f.Verdicts) == 0 && k.verdict == payment.VerdictStray,
			!contains(f.Statuses, k.status),
			f.OnlyFirst && k.duplicate:
			continue
		}
		out = append(out, k.id)
	}
	return out, len(out) == len(kinds), nil
}

func contains[T comparable](wanted []T, v T) bool {
	if slices.Contains(wanted, v) {
		return true
	}
	return len(wanted) == 0
}

func matchesEvent(pattern, event string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(event, prefix)
	}
	return pattern == "" || pattern == event
}

func (k *kinds) learn(all []kindRow) {
	byID := make(map[int64]kind, len(all))
	for _, row := range all {
		byID[row.id] = row.kind
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byID = byID
}

// name reports whether it knows the kinds of all rows.
func (k *kinds) name(rows []deliveryView) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for i := range rows {
		var known bool
		if rows[i].is, known = k.byID[rows[i].kind]; !known {
			return false
		}
	}
	return true
}

// mostKinds bounds the dictionary: some event names are made of words that
// providers may add to. Beyond it, events are otherEvent.
const (
	mostKinds     = 1000
	mostKindText  = 64
	otherEvent    = "other"
	otherProvider = "other"
)

// kind returns the number of a kind, making one where needed.
func (d *dictionaries) kind(ctx context.Context, k kind) (int64, error) {
	if id, ok := d.kinds[k]; ok {
		return id, nil
	}
	row := kindRow{kind: k}
	if len(row.provider) > mostKindText {
		row.provider = otherProvider
	}
	if len(row.route) > mostKindText {
		row.route = row.route[:mostKindText]
	}
	known := len(d.kinds)
	if !d.tx.remote() {
		if err := d.tx.row(ctx, "SELECT count(*) FROM kinds", nil, &known); err != nil {
			return 0, err
		}
	}
	if len(row.event) > mostKindText || known >= mostKinds {
		row.event = otherEvent
	}
	if !row.status.Valid() {
		row.status = ""
	}
	args := []any{string(row.provider), row.route, row.event, string(row.verdict), string(row.status), boolInt(row.duplicate)}
	id, err := d.number(ctx, d.tx.db.tables.kinds.texts().insert, args,
		"SELECT id FROM kinds WHERE provider = ? AND route = ? AND event = ? AND verdict = ? AND status = ? AND duplicate = ?", args)
	if err != nil {
		return 0, err
	}
	d.kinds[k] = id
	return id, nil
}

// shelf is where a deposit stands among the others; like kinds, shelves are
// numbered, so that the index of the lists compares numbers.
type shelf struct {
	provider    payment.ProviderID
	environment payment.Environment
	status      payment.Status
}

func shelfOf(d payment.Deposit) shelf {
	return shelf{provider: d.Provider, environment: d.Environment, status: d.Status}
}

func (d *dictionaries) shelf(ctx context.Context, h shelf) (int64, error) {
	if id, ok := d.shelves[h]; ok {
		return id, nil
	}
	args := []any{string(h.provider), string(h.environment), string(h.status)}
	id, err := d.number(ctx, `INSERT INTO shelves (provider, environment, status) VALUES (?, ?, ?)
		ON CONFLICT (provider, environment, status) DO NOTHING`, args,
		"SELECT id FROM shelves WHERE provider = ? AND environment = ? AND status = ?", args)
	if err != nil {
		return 0, err
	}
	d.shelves[h] = id
	return id, nil
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
