package store

import (
	"context"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/store/postgres"
)

// Migrated says what a migration did: the schema before, 0 for none, and after.
type Migrated struct {
	Path     string
	From, To int
}

// Migrate makes a shared ledger in a database, or brings its schema up to date. No other
// call does: a laptop with a newer payctl would lock out every listener. It takes the
// right to make tables. A file is KindUsage: it is migrated by whoever opens it.
func Migrate(ctx context.Context, place string) (Migrated, error) {
	if !IsShared(place) {
		return Migrated{}, payment.Usage("db: a ledger in a file is brought up to date by the first command that writes to it",
			"name a database with --db postgres://USER@HOST/DATABASE")
	}
	db, from, to, err := postgres.Migrate(ctx, place)
	out := Migrated{Path: secret.URL(place), From: from, To: to}
	if err == nil || db == nil {
		return out, err
	}
	return out, (&database{engine: server{db}}).kinded("migrate the ledger", err)
}

// IsShared reports whether a ledger's place is a database's URL, not a file.
func IsShared(place string) bool { return postgres.IsURL(place) }
