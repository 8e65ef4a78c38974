package store

import (
	"math"

	"github.com/payctl/payctl/internal/payment"
)

// What the writes of commands will ask, in the words in which they ask it: over a network
// each of them is then a round trip to begin with and one to end with.

func (db *database) readDeposit(f *foresight, where string, args ...any) {
	f.read(db.tables.deposits.selects("WHERE "+where), args...)
}

// rare foresees rareDeposits.
func (f *foresight) rare(where string, args ...any) {
	f.others(sqlAnyDeposit(where), args...)
}

// act foresees an action that is written down.
func (db *database) foreseeAct(f *foresight) {
	if db.actor != nil {
		f.read(sqlLastAction)
	}
}

func (db *database) foreseeCreate(d payment.Deposit) func(*foresight) {
	return func(f *foresight) {
		db.readDeposit(f, sqlByIdempotency, d.IdempotencyKey, string(d.Provider), string(d.Environment))
		foreseeTwins(f, d)
		db.foreseeAct(f)
		f.add("deposits", 1)
	}
}

func foreseeTwins(f *foresight, d payment.Deposit) {
	if where, args := twinsOf(d); where != "" {
		f.rare(where, args...)
	}
}

// foreseeChange foresees a change of the deposit with a key, which was seen as d.
func (db *database) foreseeChange(seq int64, d payment.Deposit) func(*foresight) {
	return func(f *foresight) {
		db.readDeposit(f, "seq = ?", seq)
		foreseeTwins(f, d)
		db.foreseeAct(f)
	}
}

// foreseeClaim foresees, once its deposit has been read, what a claim that brings a
// provider's id or a receipt leads to.
func (t depositTx) foreseeClaim(f *foresight, d depositRow, c payment.Claim) {
	if c.ProviderID != "" && c.ProviderID != d.ProviderID {
		f.rare(sqlByProviderID, c.ProviderID, string(d.Provider))
	}
	if d.ProviderID == "" && c.ProviderID != "" {
		f.read(sqlOrphans(), t.db.hashID(d.Provider, c.ProviderID)|math.MinInt64, string(d.Provider))
	}
	if d.Receipt == "" && c.Receipt != "" {
		list := t.db.engine.Texts([]string{clean(c.Receipt)})
		f.others(t.db.sqlHolders(), list, list)
	}
}
