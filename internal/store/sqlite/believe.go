package sqlite

import (
	"cmp"
	"context"
	"crypto/sha256"
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

// schemaObject is one row of SQLite's own table of contents: its type and name, and the
// text that made it. SQLite refuses a row whose type or names are not those of its text.
type schemaObject struct{ name, text string }

// checkSchema returns the schema's version, and refuses a ledger with a trigger, view,
// table or index that payctl did not make, or that reads otherwise: whoever planted it
// decides what payctl finds. The version and the schema are read in one statement, so
// that another process that is just bringing the ledger up to date is not taken for a
// stranger.
func checkSchema(ctx context.Context, db driver.QueryerContext, path string) (version int, err error) {
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
		if name, is := strings.CutPrefix(o.name, "trigger "); is {
			return fmt.Sprintf("a trigger %q", payment.MaskDigits(strings.ToValidUTF8(name, "?")))
		}
	}
	return "a table, index or view"
}

const sqlSchema = `SELECT '', user_version FROM pragma_user_version
	UNION ALL SELECT type || ' ' || name, sql FROM sqlite_schema`

// ask runs a query on a connection that reads. It speaks to the driver: every command
// that opens a ledger waits for it, and half of its time would be sql.Rows'.
func ask(ctx context.Context, db driver.QueryerContext, query string, take func(row []driver.Value)) error {
	rows, err := db.QueryContext(ctx, query, nil)
	if err != nil {
		return err
	}
	row := make([]driver.Value, len(rows.Columns()))
	for err == nil {
		if err = rows.Next(row); err == nil {
			take(row)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

func readSchema(ctx context.Context, db driver.QueryerContext) (version int, objects []schemaObject, err error) {
	err = ask(ctx, db, sqlSchema, func(row []driver.Value) {
		if n, ok := row[1].(int64); ok && row[0] == "" {
			version = int(n)
			return
		}
		if o := (schemaObject{textOf(row[0]), textOf(row[1])}); !o.internal() {
			objects = append(objects, o)
		}
	})
	return version, objects, err
}

func textOf(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	default:
		return fmt.Sprint(v) // none of ours
	}
}

// internal reports whether SQLite itself keeps the object: the statistics of
// ANALYZE, the index behind a key.
func (o schemaObject) internal() bool {
	switch o.name {
	case "table sqlite_sequence", "table sqlite_stat1", "table sqlite_stat4":
		return true
	}
	return o.text == "" && strings.HasPrefix(o.name, "index sqlite_autoindex_")
}

// fingerprintOf is the digest of the objects, which it sorts. Lengths keep texts apart.
func fingerprintOf(objects []schemaObject) string {
	slices.SortFunc(objects, func(a, b schemaObject) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.text, b.text))
	})
	size := 0
	for _, o := range objects {
		size += len(o.name) + len(o.text) + 10
	}
	all := make([]byte, 0, size)
	for _, o := range objects {
		for _, text := range []string{o.name, o.text} {
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
