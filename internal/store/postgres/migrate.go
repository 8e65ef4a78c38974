package postgres

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// The migrations' numbers are those of the schema in a SQLite ledger that holds the same:
// the first makes it as it stood when PostgreSQL came to it.
//
//go:embed migrations/*.sql
var migrations embed.FS

const migrationDir = "migrations"

// migration is one step of the schema.
type migration struct {
	version int
	name    string
	text    string
	// least is the oldest schema whose programs may still write once it was taken.
	least int
}

// readMigrations returns the steps in order. A step that older programs cannot write
// beside says so in its first line: "-- writers: 12".
func readMigrations() ([]migration, error) {
	entries, err := migrations.ReadDir(migrationDir)
	if err != nil {
		return nil, err
	}
	var out []migration
	for _, e := range entries {
		text, err := migrations.ReadFile(migrationDir + "/" + e.Name())
		if err != nil {
			return nil, err
		}
		m := migration{name: e.Name(), text: string(text)}
		number, _, _ := strings.Cut(e.Name(), "_")
		if m.version, err = strconv.Atoi(number); err != nil {
			return nil, fmt.Errorf("migration %s has no number", e.Name())
		}
		first, _, _ := strings.Cut(m.text, "\n")
		if n, ok := strings.CutPrefix(first, "-- writers: "); ok {
			if m.least, err = strconv.Atoi(n); err != nil {
				return nil, fmt.Errorf("migration %s: %q is no schema", e.Name(), n)
			}
		}
		out = append(out, m)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].version < out[j].version })
	return out, nil
}

// LatestSchema returns the schema that this program makes.
func LatestSchema() (int, error) {
	all, err := readMigrations()
	if err != nil || len(all) == 0 {
		return 0, err
	}
	return all[len(all)-1].version, nil
}

// migrateWithin bounds a migration.
const migrateWithin = 30 * time.Minute

// Migrate makes the ledger in a database, or brings its schema up to date, in one
// transaction that no other migration can share, and returns the versions before and
// after. Listeners of the version before go on as long as the new schema lets them write.
func Migrate(ctx context.Context, url string) (db *DB, from, to int, err error) {
	p, err := parsePlace(url)
	if err != nil {
		return nil, 0, 0, err
	}
	all, err := readMigrations()
	if err != nil {
		return nil, 0, 0, err
	}
	db = &DB{place: p}
	p.config.RuntimeParams["statement_timeout"] = millis(migrateWithin)
	p.config.RuntimeParams["lock_timeout"] = millis(migrateWithin)
	p.config.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	w, err := db.connect(ctx)
	if err != nil {
		return db, 0, 0, err
	}
	defer w.close(ctx)
	from, to, err = migrate(ctx, w, db, all)
	return db, from, to, err
}

// migrationLock is the number under which migrations wait for each other.
const migrationLock = 0x50794374

func migrate(ctx context.Context, w *wire, db *DB, all []migration) (from, to int, err error) {
	ctx, cancel := context.WithTimeout(ctx, migrateWithin)
	defer cancel()
	got, err := w.trip(ctx, []call{
		{text: "BEGIN"},
		{text: fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", migrationLock)},
		{text: "SELECT to_regclass('meta') IS NOT NULL"},
	})
	if err != nil {
		return 0, 0, err
	}
	if there, _ := got[2].rows[0][0].(bool); there {
		if from, err = schemaOf(ctx, w); err != nil {
			return 0, 0, err
		}
	}
	to = all[len(all)-1].version
	if from > to {
		return from, to, db.newer(from, to)
	}
	var calls []call
	for _, m := range all {
		if m.version <= from {
			continue
		}
		for _, text := range statements(m.text) {
			calls = append(calls, call{text: text})
		}
		if m.least > 0 {
			calls = append(calls, call{text: sqlSetMeta("schema_min", strconv.Itoa(m.least))})
		}
	}
	if from == 0 {
		key := make([]byte, 16)
		if _, err := rand.Read(key); err != nil {
			return 0, 0, err
		}
		calls = append(calls, call{text: sqlSetMeta("id_key", hex.EncodeToString(key))})
	}
	if from != to {
		calls = append(calls, call{text: sqlSetMeta("schema", strconv.Itoa(to))})
	}
	if _, err = w.trip(ctx, append(calls, call{text: sqlCommit})); err != nil {
		return from, to, err
	}
	return from, to, nil
}

func schemaOf(ctx context.Context, w *wire) (int, error) {
	got, err := w.trip(ctx, []call{{text: "SELECT value FROM meta WHERE name = 'schema' FOR UPDATE"}})
	if err != nil {
		return 0, err
	}
	if len(got[0].rows) != 1 {
		return 0, payment.Usage("db: the database has a table meta that is no payctl ledger's", "name another database, or another search_path")
	}
	text, _ := got[0].rows[0][0].(string)
	return strconv.Atoi(text)
}

// sqlSetMeta spells a row of meta whose value holds no quote.
func sqlSetMeta(name, value string) string {
	return "INSERT INTO meta (name, value) VALUES ('" + name + "', '" + value + "') ON CONFLICT (name) DO UPDATE SET value = excluded.value"
}

// statements cuts a migration at the semicolons that end its lines.
func statements(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ";\n") {
		var lines []string
		for line := range strings.Lines(part) {
			if !strings.HasPrefix(strings.TrimSpace(line), "--") {
				lines = append(lines, line)
			}
		}
		if s := strings.TrimSpace(strings.Join(lines, "")); s != "" {
			out = append(out, s)
		}
	}
	return out
}
