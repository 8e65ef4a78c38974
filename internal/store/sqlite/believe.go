package sqlite

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	_ "embed" // the digests
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
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
var fingerprints string

const fingerprintFile = migrationDir + "/fingerprints.txt"

// schemaObject is one row of SQLite's own table of contents.
type schemaObject struct{ kind, name, table, text string }

// checkSchema returns the schema's version, and refuses a ledger with a trigger, view,
// table or index that payctl did not make, or that reads otherwise: whoever planted it
// decides what payctl finds. The version and the schema are read in one statement, so
// that another process that is just bringing the ledger up to date is not taken for a
// stranger.
func checkSchema(ctx context.Context, db *sql.DB, path string) (version int, err error) {
	version, objects, err := readSchema(ctx, db)
	if err != nil || version == 0 && len(objects) == 0 {
		return version, err
	}
	if want, known := fingerprint(version); known && fingerprintOf(objects) == want {
		return version, nil
	}
	if latest, err := latestVersion(); err != nil || version > latest {
		return version, err // the caller refuses it by its version
	}
	return version, notALedger(path, "it holds "+stranger(objects)+" that payctl did not make")
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

const sqlSchema = `SELECT v.user_version, coalesce(s.type, ''), coalesce(s.name, ''), coalesce(s.tbl_name, ''), coalesce(s.sql, '')
	FROM pragma_user_version AS v LEFT JOIN sqlite_schema AS s ON 1`

// readSchema speaks to the driver: every command that opens a ledger waits for it, and
// half of its time would be sql.Rows'.
func readSchema(ctx context.Context, db *sql.DB) (version int, objects []schemaObject, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = conn.Close() }()
	err = conn.Raw(func(raw any) error {
		queryer, ok := raw.(driver.QueryerContext)
		if !ok {
			return errors.New("the driver cannot ask")
		}
		rows, err := queryer.QueryContext(ctx, sqlSchema, nil)
		if err != nil {
			return err
		}
		version, objects, err = schemaOf(rows)
		return errors.Join(err, rows.Close())
	})
	return version, objects, err
}

func schemaOf(rows driver.Rows) (version int, objects []schemaObject, err error) {
	row := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return version, objects, nil
		case err != nil:
			return 0, nil, err
		}
		var texts [4]string
		for i := range texts {
			if text, ok := row[i+1].(string); ok {
				texts[i] = text
			} else {
				texts[i] = fmt.Sprint(row[i+1]) // none of ours
			}
		}
		if n, ok := row[0].(int64); ok {
			version = int(n)
		}
		if o := (schemaObject{texts[0], texts[1], texts[2], texts[3]}); !o.internal() {
			objects = append(objects, o)
		}
	}
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

// fingerprintOf is the digest of the objects, whatever their order. Lengths keep texts
// apart.
func fingerprintOf(objects []schemaObject) string {
	objects = slices.SortedFunc(slices.Values(objects), func(a, b schemaObject) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name), cmp.Compare(a.table, b.table), cmp.Compare(a.text, b.text))
	})
	var all []byte
	for _, o := range objects {
		for _, text := range []string{o.kind, o.name, o.table, o.text} {
			all = append(strconv.AppendInt(all, int64(len(text)), 10), ':')
			all = append(all, text...)
		}
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:])
}

func fingerprint(version int) (digest string, known bool) {
	number := strconv.Itoa(version)
	for line := range strings.Lines(fingerprints) {
		if n, digest, _ := strings.Cut(strings.TrimSpace(line), " "); n == number {
			return digest, true
		}
	}
	return "", false
}
