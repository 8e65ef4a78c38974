package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trustfile"
)

// checkOwner refuses a ledger that another user owns or can change: its rows say
// what was paid. What is not there, or cannot be looked at, is left to be opened.
func checkOwner(path string) error {
	for _, name := range []string{path, path + "-wal", path + "-shm", path + "-journal"} {
		err := trustfile.Check("db", name)
		if _, ok := errors.AsType[*payment.Error](err); ok {
			return err
		}
	}
	return nil
}

// fingerprints holds a line for each version of the schema: its number, and the
// digest of every table, index and view in it. TestSchemaFingerprints writes it.
//
//go:embed migrations/fingerprints.txt
var fingerprints embed.FS

const fingerprintFile = migrationDir + "/fingerprints.txt"

// schemaObject is one row of SQLite's own table of contents.
type schemaObject struct{ kind, name, table, text string }

// checkSchema refuses a ledger with a trigger, view, table or index that payctl
// did not make, or that reads otherwise: whoever planted it decides what payctl
// finds. The version and the schema are read in one statement, so that another
// process that is just bringing the ledger up to date is not taken for a stranger.
func checkSchema(ctx context.Context, db *sql.DB, path string) error {
	version, objects, err := readSchema(ctx, db)
	if err != nil {
		return err
	}
	if version == 0 && len(objects) == 0 {
		return nil
	}
	want, known, err := fingerprint(version)
	if err != nil || known && fingerprintOf(objects) == want {
		return err
	}
	if latest, err := latestVersion(); err != nil || version > latest {
		return err // the caller refuses it by its version
	}
	return notALedger(path, "it holds "+stranger(objects)+" that payctl did not make")
}

// stranger names what does not belong in a ledger, as far as that can be told
// without its text.
func stranger(objects []schemaObject) string {
	for _, o := range objects {
		if o.kind == "trigger" {
			return fmt.Sprintf("a trigger %q", payment.MaskDigits(strings.ToValidUTF8(o.name, "?")))
		}
	}
	return "a table, index or view"
}

func readSchema(ctx context.Context, db *sql.DB) (version int, objects []schemaObject, err error) {
	rows, err := db.QueryContext(ctx, `SELECT v.user_version, coalesce(s.type, ''), coalesce(s.name, ''), coalesce(s.tbl_name, ''), coalesce(s.sql, '')
		FROM pragma_user_version AS v LEFT JOIN sqlite_schema AS s ON 1`)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var o schemaObject
		if err := rows.Scan(&version, &o.kind, &o.name, &o.table, &o.text); err != nil {
			return 0, nil, err
		}
		if !o.internal() {
			objects = append(objects, o)
		}
	}
	return version, objects, rows.Err()
}

// internal reports whether SQLite itself keeps the object: the statistics of
// ANALYZE, the index behind a key.
func (o schemaObject) internal() bool {
	switch {
	case o == schemaObject{}:
		return true
	case o.kind == "index":
		return o.text == "" && strings.HasPrefix(o.name, "sqlite_autoindex_")
	case o.kind == "table":
		return slices.Contains([]string{"sqlite_sequence", "sqlite_stat1", "sqlite_stat4"}, o.name)
	}
	return false
}

func fingerprintOf(objects []schemaObject) string {
	lines := make([]string, len(objects))
	for i, o := range objects {
		lines[i] = fmt.Sprintf("%q %q %q %q", o.kind, o.name, o.table, o.text)
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

func fingerprint(version int) (digest string, known bool, err error) {
	text, err := fs.ReadFile(fingerprints, fingerprintFile)
	if err != nil {
		return "", false, err
	}
	for line := range strings.Lines(string(text)) {
		var n int
		if _, err := fmt.Sscanf(line, "%d %s", &n, &digest); err == nil && n == version {
			return digest, true, nil
		}
	}
	return "", false, nil
}
