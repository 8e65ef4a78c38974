package sqlite

import (
	"database/sql"
	"database/sql/driver"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var writeFingerprints = flag.Bool("write-fingerprints", false, "write the digests of the schema's versions anew")

// TestSchemaFingerprints holds the digests of every version of the schema to what
// the migrations make. After a new migration:
//
//	go test ./internal/store/sqlite -run TestSchemaFingerprints -write-fingerprints
func TestSchemaFingerprints(t *testing.T) {
	t.Parallel()
	files, err := migrationFiles()
	if err != nil {
		t.Fatal(err)
	}
	db := rawDB(t, filepath.Join(t.TempDir(), "made.db"))
	var made strings.Builder
	for i, name := range files {
		text, err := migrations.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), string(text)); err != nil {
			t.Fatal(err)
		}
		var objects []schemaObject
		err = onDriver(t.Context(), db, func(conn driver.QueryerContext) (err error) {
			_, objects, err = readSchema(t.Context(), conn)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&made, "%d %s\n", i+1, fingerprintOf(objects))
	}
	if *writeFingerprints {
		if err := os.WriteFile(filepath.FromSlash(fingerprintFile), []byte(made.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if fingerprints != made.String() {
		t.Errorf("%s is not of these migrations; run this test with -write-fingerprints.\ngot:\n%swant:\n%s", fingerprintFile, fingerprints, &made)
	}
}

func TestMigrationsAreInOrder(t *testing.T) {
	t.Parallel()
	names, err := migrationFiles()
	if err != nil || len(names) == 0 {
		t.Errorf("%v, error %v", names, err)
	}
}

func rawDB(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", fileURI(path))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
