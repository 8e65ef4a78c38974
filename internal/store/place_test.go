package store

import (
	"path/filepath"
	"testing"

	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// testServer is the URL of a PostgreSQL server for tests, "" for none: then ledgers are
// files.
func testServer() string { return postgrestest.Server() }

// testPlace returns the place of a new ledger of the engine under test: a file, or a
// schema of its own in the server's database, which is gone with the test.
func testPlace(t testing.TB) string {
	t.Helper()
	if testServer() == "" {
		return filepath.Join(t.TempDir(), "ledger.db")
	}
	place, remove, err := postgrestest.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := remove(); err != nil {
			t.Error(err)
		}
	})
	return place
}

// fileOnly skips a test of what only a file has.
func fileOnly(t testing.TB) {
	t.Helper()
	if testServer() != "" {
		t.Skip("a file's alone")
	}
}
