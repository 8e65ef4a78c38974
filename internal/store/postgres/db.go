// Package postgres carries a ledger in a PostgreSQL database that several machines share:
// how it is opened and migrated, the one connection of a process that writes, how another's
// commit is noticed, and what only PostgreSQL understands of SQL. What the ledger holds
// and what its rows mean is package store's.
//
// It speaks to the server through pgconn, the lower half of jackc/pgx: what matters here
// is which statements share a round trip, and a ledger has four types of column.
//
// Every write is SERIALIZABLE. Whoever writes to the tables below that breaks it for all.
package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/payctl/payctl/internal/payment"
)

// Options says which database to open and how; see store.Options.
type Options struct {
	URL                  string
	ReadOnly, OrReadOnly bool
	// Limit bounds a write: its connection, its tries and its commit.
	Limit time.Duration
	// StateDir is where files of this machine that belong to ledgers are; see Beside.
	StateDir string
	// MayWait opens without the server, if it does not answer and was opened here before.
	MayWait bool
	// Replaced is in the chain of errors that say that the database holds another ledger
	// than it did.
	Replaced error
}

// DB is an open database.
type DB struct {
	place    *place
	limit    time.Duration
	stateDir string
	// idKey is the key of the ledger's ids, id the ledger's: a hash of it.
	idKey, id string
	// ask is how it was opened.
	ask Options
	// clock is what the server's was when it was looked at.
	clock atomic.Pointer[reading]
	// inspected says that the server has been looked at.
	inspected atomic.Bool
	readOnly  bool
	read      *sql.DB
	// writer is this process's share of the counters; see Count.
	writer atomic.Int64
	// channel is that on which commits are told.
	channel string
	// settings are what the server said of itself when it was opened.
	settings Settings

	mu    sync.Mutex
	spare *wire
}

// Settings are what a server says of itself.
type Settings struct {
	Version, Fsync, SynchronousCommit, SynchronousStandbys string
	// Open says that the connection is neither to this machine nor proved by a
	// certificate.
	Open bool
}

const (
	// readers is how many connections read at once.
	readers = 4
	// readWithin bounds a query.
	readWithin = 60 * time.Second
	// closeWithin bounds a good-bye.
	closeWithin = time.Second
	// idleWithin is how long a client that fell silent inside a transaction keeps others
	// waiting.
	idleWithin = 3 * time.Second
	// writers is how many shares the counters have.
	writers = 64
	// oldest is the oldest server that is known to do, as server_version_num.
	oldest = 150000
)

// Open opens a database that holds a ledger; it makes and migrates nothing. A ledger that
// a newer payctl wrote is KindConflict; a database without one is KindUsage.
func Open(ctx context.Context, o Options) (*DB, error) {
	p, err := parsePlace(o.URL)
	if err != nil {
		return nil, err
	}
	db := &DB{place: p, limit: o.Limit, stateDir: o.StateDir, readOnly: o.ReadOnly, ask: o}
	db.reroll()
	w, err := db.take(ctx)
	switch key := db.recall(); {
	case err == nil:
		db.spare = w
		db.remember()
	case o.MayWait && isAway(err) && key != "":
		db.name(key)
	default:
		return db, err
	}
	db.read = sql.OpenDB(connector{db})
	db.read.SetMaxOpenConns(readers)
	db.read.SetMaxIdleConns(readers)
	return db, nil
}

// sqlInspect says what is to be known before anything else is asked.
const (
	sqlMeta    = "SELECT name, value FROM meta WHERE name IN ('id_key', 'schema', 'schema_min')"
	sqlInspect = `SELECT current_setting('server_version_num'), version(), pg_is_in_recovery(),
		has_table_privilege('deliveries', 'INSERT'), current_setting('fsync'), current_setting('synchronous_commit'),
		current_setting('synchronous_standby_names'), CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`
)

// name sets the ledger's key, and what follows from it.
func (db *DB) name(key string) {
	sum := sha256.Sum256([]byte("ledger\x00" + key))
	db.idKey, db.id = key, hex.EncodeToString(sum[:8])
	db.channel = "payctl_" + db.id
}

// Away reports whether the server has not answered since the ledger was opened.
func (db *DB) Away() bool { return !db.inspected.Load() }

// IDKey returns the key of the ledger's ids.
func (db *DB) IDKey(context.Context) (string, error) { return db.idKey, nil }

func (db *DB) inspect(ctx context.Context, w *wire) error {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	asked := time.Now()
	got, err := w.trip(ctx, []call{{text: sqlMeta}, {text: sqlInspect}})
	if err != nil {
		return err
	}
	meta := map[string]string{}
	for _, row := range got[0].rows {
		name, _ := row[0].(string)
		meta[name], _ = row[1].(string)
	}
	row := got[1].rows[0]
	text := func(i int) string { s, _ := row[i].(string); return s }
	number, _ := strconv.Atoi(text(0))
	if at, ok := row[7].(int64); ok {
		answered := time.Now()
		db.clock.Store(&reading{server: time.UnixMicro(at), here: asked.Add(answered.Sub(asked) / 2)})
	}
	recovering, _ := row[2].(bool)
	may, _ := row[3].(bool)
	db.settings = Settings{
		Version: text(0), Fsync: text(4), SynchronousCommit: text(5), SynchronousStandbys: text(6), Open: db.place.open,
	}
	if err := db.checkServer(number, text(1)); err != nil {
		return err
	}
	if err := db.checkSchema(meta["schema"], meta["schema_min"]); err != nil {
		return err
	}
	if db.idKey != "" && db.idKey != meta["id_key"] {
		return &payment.Error{
			Kind: payment.KindInternal, Err: db.ask.Replaced,
			Message: "db: " + db.place.name + " holds another ledger than before",
			Hint:    "start again to work with the one that is there; what waits for the one before stays in " + db.Beside(""),
		}
	}
	if db.idKey == "" {
		db.name(meta["id_key"])
	}
	if !may || recovering {
		if !db.ask.ReadOnly && !db.ask.OrReadOnly {
			return &pgconn.PgError{Code: codeNoRight, Message: "permission denied"}
		}
		db.readOnly = true
	}
	db.inspected.Store(true)
	return nil
}

// checkServer refuses a server that nobody has tried payctl with, by its name.
func (db *DB) checkServer(number int, version string) error {
	name := ""
	switch {
	case strings.Contains(version, "CockroachDB"):
		name = "CockroachDB"
	case strings.Contains(version, "-YB-"):
		name = "YugabyteDB"
	case number < oldest:
		return payment.Usage(fmt.Sprintf("db: %s is PostgreSQL %d; 15 or later is needed", db.place.name, number/10000), "update the server")
	}
	if name == "" || db.place.untested {
		return nil
	}
	return payment.Usage("db: "+db.place.name+" is "+name+", which payctl was not tested with",
		"add payctl_untested=on to the URL to try it all the same; not for money")
}

// checkSchema holds the ledger's schema against the one of this program: it may be newer
// as long as it says that this one may still write.
func (db *DB) checkSchema(schema, least string) error {
	latest, err := LatestSchema()
	if err != nil {
		return err
	}
	has, err := strconv.Atoi(schema)
	if err != nil {
		return db.noLedger()
	}
	needs, _ := strconv.Atoi(least)
	switch {
	case needs > latest:
		return db.newer(needs, latest)
	case has < latest:
		return &payment.Error{
			Kind:    payment.KindConflict,
			Message: fmt.Sprintf("db: %s has the older schema %d; this payctl needs %d", db.place.name, has, latest),
			Hint:    "run payctl ledger migrate once, as the database's owner; listeners of the older version go on",
		}
	}
	return nil
}

func (db *DB) newer(needs, latest int) error {
	return &payment.Error{
		Kind:    payment.KindConflict,
		Message: fmt.Sprintf("db: %s asks for schema %d, newer than the %d that this payctl knows", db.place.name, needs, latest),
		Hint:    "use the payctl that migrated it, or a newer one",
	}
}

// session are the settings of every connection. Plans are generic and keep to the indices:
// one that was made while a table was empty would scan it, and a scan locks all of it for
// those who write beside.
func (db *DB) session() map[string]string {
	patient := idleWithin
	if db.limit > 0 {
		patient = min(patient, db.limit/2) // so that there is time for another try
	}
	return map[string]string{
		"application_name":                    "payctl",
		"client_encoding":                     "UTF8",
		"timezone":                            "UTC",
		"plan_cache_mode":                     "force_generic_plan",
		"enable_seqscan":                      "off",
		"jit":                                 "off",
		"synchronous_commit":                  "on",
		"statement_timeout":                   millis(readWithin),
		"idle_in_transaction_session_timeout": millis(idleWithin),
		"lock_timeout":                        millis(patient),
		"client_connection_check_interval":    millis(idleWithin),
		"tcp_keepalives_idle":                 "2",
		"tcp_keepalives_interval":             "1",
		"tcp_keepalives_count":                "3",
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// errSilent says that the server did not answer in time.
var errSilent = errors.New("the server does not answer")

// connect makes a connection. One that a pooler refuses for its settings is made without:
// each transaction then brings its own.
func (db *DB) connect(ctx context.Context) (*wire, error) {
	config := db.place.config.Copy()
	for name, value := range db.session() {
		if _, said := config.RuntimeParams[name]; db.place.pooled && !isCarried(name) {
			delete(config.RuntimeParams, name)
		} else if !said {
			config.RuntimeParams[name] = value
		}
	}
	pg, err := pgconn.ConnectConfig(ctx, config)
	switch {
	case err == nil:
		return newWire(pg, !db.place.pooled), nil
	case codeOf(err) == codeParameter && !db.place.pooled:
		db.place.pooled = true
		return db.connect(ctx)
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return nil, &lostError{errSilent}
	}
	return nil, &lostError{err}
}

// isCarried reports a setting that poolers carry from connection to connection.
func isCarried(name string) bool {
	return name == "application_name" || name == "client_encoding" || name == "timezone"
}

// take returns the connection that was made to open the database, once, or a new one.
func (db *DB) take(ctx context.Context) (*wire, error) {
	db.mu.Lock()
	w := db.spare
	db.spare = nil
	db.mu.Unlock()
	if w != nil {
		return w, nil
	}
	w, err := db.connect(ctx)
	if err != nil || db.inspected.Load() {
		return w, err
	}
	if err := db.inspect(ctx, w); err != nil {
		w.close(ctx)
		return nil, err
	}
	return w, nil
}

// sqlSession brings a connection's settings with a transaction.
func (db *DB) sqlSession() string {
	settings := db.session()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if !isCarried(name) && !strings.HasPrefix(name, "tcp_") && name != "client_connection_check_interval" {
			parts = append(parts, "set_config('"+name+"', '"+settings[name]+"', true)")
		}
	}
	return "SELECT count(*) FROM (SELECT " + strings.Join(parts, ", ") + ") AS s"
}

// reroll takes another share of the counters.
func (db *DB) reroll() { db.writer.Store(1 + rand.Int64N(writers)) } //nolint:gosec // a share, no secret

// Path returns the database's name, without what is secret.
func (db *DB) Path() string { return db.place.name }

// ReadOnly reports whether the user, or the server, may not write.
func (db *DB) ReadOnly() bool { return db.readOnly }

// Reader returns the connections that read.
func (db *DB) Reader() *sql.DB { return db.read }

// Remote reports that a statement costs a round trip.
func (db *DB) Remote() bool { return true }

// Settings returns what the server said of itself when it was opened.
func (db *DB) Settings() Settings { return db.settings }

// InPlace returns nil: a database does not move away under its connections.
func (db *DB) InPlace() error { return nil }

// Close closes the connections that read.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.spare != nil {
		db.spare.close(context.Background())
		db.spare = nil
	}
	db.mu.Unlock()
	if db.read == nil {
		return nil
	}
	return db.read.Close()
}

// Scanned does nothing: pages are the server's.
func (db *DB) Scanned(context.Context) {}

// errNoRows says that a query that always has a row has none.
var errNoRows = errors.New("the server returned no row")

// Beside names a file of this machine that belongs to the ledger, wherever that is.
func (db *DB) Beside(name string) string { return filepath.Join(db.stateDir, db.id, name) }

// ID returns the ledger's id.
func (db *DB) ID() string { return db.id }

// reading is a moment by two clocks.
type reading struct{ server, here time.Time }

// Now returns the server's clock as far as it is known: what it was and the time that has
// gone by since, whatever is done to this machine's clock meanwhile.
func (db *DB) Now() time.Time {
	r := db.clock.Load()
	if r == nil {
		return time.Now()
	}
	return r.server.Add(time.Since(r.here))
}
