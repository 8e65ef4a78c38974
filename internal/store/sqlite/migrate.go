package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

//go:embed migrations/*.sql
var migrations embed.FS

const migrationDir = "migrations"

func newerSchema(path string, version, latest int) error {
	return &payment.Error{
		Kind: payment.KindConflict,
		Message: fmt.Sprintf("db: ledger %s has schema %d, newer than the %d that this payctl knows",
			filepath.Base(path), version, latest),
		Hint: "use the payctl that wrote it, or a newer one",
	}
}

// migrateWith runs the missing migrations in one transaction that no other
// process can share; the version is read inside it, so whoever comes second
// finds nothing to do.
func (db *DB) migrateWith(ctx context.Context, pool *sql.DB) (err error) {
	files, err := migrationFiles()
	if err != nil {
		return err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback()
		}
	}()
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(files) {
		return newerSchema(db.path, version, len(files))
	}
	db.from, db.to = version, len(files)
	for _, name := range files[version:] {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("migration %s: %w", filepath.Base(name), err)
		}
	}
	key := make([]byte, 16)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES ('id_key', ?) ON CONFLICT (name) DO NOTHING",
		hex.EncodeToString(key))
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "PRAGMA user_version = "+strconv.Itoa(len(files))); err != nil {
		return err
	}
	return tx.Commit()
}

// migrationFiles returns the names in order; the first is version 1, and a gap
// is a mistake in the build.
func migrationFiles() ([]string, error) {
	entries, err := migrations.ReadDir(migrationDir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, migrationDir+"/"+e.Name())
	}
	sort.Strings(names)
	for i, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, migrationDir+"/"), "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s is not number %d", name, i+1)
		}
	}
	return names, nil
}

func latestVersion() (int, error) {
	names, err := migrationFiles()
	return len(names), err
}

func userVersion(ctx context.Context, db *sql.DB) (int, error) {
	var version int
	err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	return version, err
}
