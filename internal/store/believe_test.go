package store

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// plantIn opens a database as an attacker would, with SQLite alone.
func plantIn(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestPlantedLedger puts into a ledger, by SQLite alone, what would decide for
// payctl what it finds: the ledger is refused by name, and left as it is.
func TestPlantedLedger(t *testing.T) {
	t.Parallel()
	for name, planted := range map[string]string{
		"trigger that pays":          "CREATE TRIGGER paid AFTER UPDATE ON deposits BEGIN UPDATE deposits SET status = 'COMPLETED'; END",
		"trigger on insert":          "CREATE TRIGGER t AFTER INSERT ON deposits BEGIN SELECT 1; END",
		"view":                       "CREATE VIEW v AS SELECT * FROM deposits",
		"view in a table's place":    "DROP TABLE tallies; CREATE VIEW tallies AS SELECT 1 AS seq, '{}' AS cells",
		"table":                      "CREATE TABLE t (x)",
		"index":                      "CREATE INDEX i ON deposits (amount)",
		"index on an expression":     "CREATE INDEX i ON deposits (abs(amount))",
		"generated column":           "ALTER TABLE deposits ADD COLUMN paid TEXT GENERATED ALWAYS AS ('COMPLETED')",
		"column with a default":      "ALTER TABLE deposits ADD COLUMN paid TEXT DEFAULT 'COMPLETED'",
		"missing index":              "DROP INDEX deposits_token",
		"virtual table":              "CREATE VIRTUAL TABLE v USING fts5(x)",
		"table in SQLite's own name": "PRAGMA writable_schema = 1; INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('trigger', 'sqlite_stat1', 'deposits', 0, 'CREATE TRIGGER sqlite_stat1 AFTER UPDATE ON deposits BEGIN UPDATE deposits SET amount = 1; END')",
		"older, with a trigger":      "CREATE TRIGGER t AFTER UPDATE ON deposits BEGIN SELECT 1; END; PRAGMA user_version = 1",
		"unversioned, with a table":  "PRAGMA user_version = 0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "ledger.db")
			s := openTest(t, Options{Path: path})
			create(t, s, push(t, "INV-1"))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			db := plantIn(t, path)
			if _, err := db.ExecContext(t.Context(), planted); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			for _, o := range []Options{{Path: path}, {Path: path, ReadOnly: true}, {Path: path, OrReadOnly: true}} {
				_, err := Open(t.Context(), o)
				var e *payment.Error
				if !errors.As(err, &e) || e.Kind != payment.KindUsage || !strings.Contains(e.Message, "that payctl did not make") || e.Hint == "" {
					t.Errorf("%+v: got %v", o, err)
				}
			}
		})
	}
}

// What SQLite keeps for itself is nobody's plant.
func TestAnalyzedLedgerIsBelieved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := openTest(t, Options{Path: path})
	create(t, s, push(t, "INV-1"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := plantIn(t, path)
	if _, err := db.ExecContext(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	openTest(t, Options{Path: path})
}
