package store

import (
	"path/filepath"
	"testing"

	"github.com/payctl/payctl/internal/store/postgres"
)

// TestEnginesHaveOneSchema holds that a migration of one engine has its like in the other.
func TestEnginesHaveOneSchema(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	_, _, inFile, err := s.engine.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	shared, err := postgres.LatestSchema()
	if err != nil || shared != inFile {
		t.Errorf("schema %d in a file, %d in PostgreSQL, error %v: write postgres/migrations/%04d_….sql too", inFile, shared, err, inFile)
	}
}
