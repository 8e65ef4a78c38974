package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store/postgres"
	"github.com/payctl/payctl/internal/store/sqlite"
	"github.com/payctl/payctl/internal/timing"
)

// Ping proves that a commit would work, by making one.
func (s *Store) Ping(ctx context.Context) error {
	return s.do(ctx, "commit to the ledger", func(ctx context.Context, t *tx) error {
		err := t.exec(ctx, `INSERT INTO meta (name, value) VALUES ('ping', ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, t.now.UTC().Format(time.RFC3339Nano))
		return err
	})
}

// ErrMoved and ErrReplaced are the causes of what InPlace returns, and of every write
// from then on: the ledger's file is no longer where it was opened, or another is.
var (
	ErrMoved    = sqlite.ErrMoved
	ErrReplaced = sqlite.ErrReplaced
)

// InPlace returns an error once the ledger that is open is not the one that others would
// open by its name. It costs a look at the file.
func (s *Store) InPlace() error { return s.engine.InPlace() }

// Check reads the whole ledger and returns what is wrong with it, in words; an
// empty list is a healthy ledger. It takes seconds for each gigabyte.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	damage, err := s.engine.Check(ctx)
	if err != nil {
		return damage, s.kinded("check the ledger", err)
	}
	problems := append([]string{}, damage...)
	add := func(query, format string) error {
		rows, err := s.read.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var what string
			if err := rows.Scan(&what); err != nil {
				return err
			}
			problems = append(problems, fmt.Sprintf(format, what))
		}
		return rows.Err()
	}
	for _, c := range []struct{ query, format string }{
		{`SELECT CAST(count(*) AS TEXT) FROM deposits WHERE status IN ('COMPLETED', 'FAILED') AND decided_by = ''
			HAVING count(*) > 0`, "%s final deposits do not say who decided them"},
		{`SELECT CAST(count(*) AS TEXT) FROM deposits WHERE status IN ('CREATED', 'UNKNOWN', 'PENDING') AND decided_by <> ''
			HAVING count(*) > 0`, "%s open deposits say who decided them"},
		{`SELECT CAST(count(*) AS TEXT) FROM deliveries AS v LEFT JOIN kinds AS k ON k.id = v.kind WHERE k.id IS NULL
			HAVING count(*) > 0`, "%s deliveries are of no known kind"},
		{`SELECT CAST(count(*) AS TEXT) FROM deliveries AS v LEFT JOIN deposits AS d ON d.seq = v.deposit
			WHERE v.deposit IS NOT NULL AND d.seq IS NULL HAVING count(*) > 0`, "%s deliveries are about a deposit that is missing"},
		{`SELECT CAST(count(*) AS TEXT) FROM deliveries WHERE size <> length(body)
			HAVING count(*) > 0`, "%s deliveries are not as long as they were"},
		{
			`SELECT CAST(k.id AS TEXT) FROM kinds AS k LEFT JOIN ` + s.held() + ` AS s ON s.kind = k.id
			WHERE coalesce(s.n, 0) <> (SELECT count(*) FROM deliveries AS v WHERE v.kind = k.id)`,
			"the count of deliveries of kind %s is wrong",
		},
	} {
		if err := add(c.query, c.format); err != nil {
			return problems, s.kinded("check the ledger", err)
		}
	}
	return problems, nil
}

// Backup writes a copy of the ledger as it is at one moment into a new file,
// mode 0600, while others go on writing. The copy is complete when Backup
// returns; it appears under its name only then. An existing file is KindUsage.
func (s *Store) Backup(ctx context.Context, file string) error {
	return s.kinded("back up the ledger", s.engine.Copy(ctx, file))
}

// Stats is the ledger in numbers.
type Stats struct {
	// FileBytes is the size of the file and its log, FreeBytes what the file has
	// inside for reuse.
	FileBytes, FreeBytes int64
	Schema               int
	// Deliveries are received ever, by day; Stored is what is held now.
	Deliveries []DeliveryCount
	Stored     []DeliveryCount
	Deposits   []DepositCount
	Conflicts  int64
	// OldestOpen is when the oldest undecided deposit was made, zero if all are decided.
	OldestOpen time.Time
	// Server is what the server of a shared ledger says of its durability, nil for a file.
	Server *Server
	// Waiting and Dead are the forward queue's lengths.
	Waiting, Dead int64
}

// Server is what a server says of itself.
type Server struct {
	// Version is its server_version_num; the others are its settings of these names.
	Version, Fsync, SynchronousCommit, SynchronousStandbys string
	// Open says that the connection goes to another machine that no certificate proves.
	Open bool
}

// Weak says in words what of an acknowledgement may be lost when the server or its disk
// fails, "" for nothing that is known.
func (v Server) Weak() string {
	switch {
	case v.Fsync != "on":
		return "fsync is off: a crash of the server's machine loses what was acknowledged"
	case v.SynchronousCommit == "off":
		return "synchronous_commit is off: a crash of the server loses the last moments"
	case v.SynchronousStandbys == "":
		return "no standby is synchronous: a fail-over may lose the last moments"
	}
	return ""
}

// Server returns what the server of a shared ledger said when it was opened, nil for a file.
func (s *Store) Server() *Server {
	e, can := s.engine.(interface{ Settings() postgres.Settings })
	if !can {
		return nil
	}
	v := Server(e.Settings())
	return &v
}

// DeliveryCount counts deliveries of one sort.
type DeliveryCount struct {
	// Day is the day in East African time at 00:00, zero in Stats.Stored.
	Day       time.Time
	Provider  payment.ProviderID
	Event     string
	Verdict   payment.Verdict
	Duplicate bool
	Count     int64
	Bytes     int64
}

// DepositCount counts deposits by the day on which they were made.
type DepositCount struct {
	Day         time.Time
	Provider    payment.ProviderID
	Environment payment.Environment
	Status      payment.Status
	Count       int64
	Amount      payment.Amount
}

// Stats reads the counts that are kept with every commit; its time does not
// grow with the number of deliveries. since bounds the days, zero for all.
func (s *Store) Stats(ctx context.Context, since time.Time) (Stats, error) {
	var out Stats
	first := int64(-1 << 40)
	if !since.IsZero() {
		first = dayOf(micros(since))
	}
	out.Server = s.Server()
	err := errors.Join(
		s.fileStats(ctx, &out),
		s.deliveryStats(ctx, first, &out),
		s.depositStats(ctx, first, &out),
		s.queueStats(ctx, &out),
	)
	return out, s.kinded("count what the ledger holds", err)
}

func (s *Store) fileStats(ctx context.Context, out *Stats) (err error) {
	out.FileBytes, out.FreeBytes, out.Schema, err = s.engine.Size(ctx)
	return err
}

// startOfDay is when a numbered day began in East Africa.
func startOfDay(day int64) time.Time {
	return time.Unix(day*86400-eatOffset, 0).In(timing.EAT())
}

func (s *Store) deliveryStats(ctx context.Context, first int64, out *Stats) error {
	read := func(query string, into *[]DeliveryCount, dated bool, args ...any) error {
		rows, err := s.read.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var c DeliveryCount
			var day, duplicate int64
			var provider, verdict string
			if err := rows.Scan(&day, &provider, &c.Event, &verdict, &duplicate, &c.Count, &c.Bytes); err != nil {
				return err
			}
			c.Provider, c.Verdict, c.Duplicate = payment.ProviderID(provider), payment.Verdict(verdict), duplicate != 0
			if dated {
				c.Day = startOfDay(day)
			}
			*into = append(*into, c)
		}
		return rows.Err()
	}
	err := read(`SELECT d.day, k.provider, k.event, k.verdict, k.duplicate, CAST(sum(d.n) AS BIGINT), CAST(sum(d.bytes) AS BIGINT)
		FROM `+s.counted("daily")+` AS d JOIN kinds AS k ON k.id = d.kind WHERE d.day >= ?
		GROUP BY d.day, k.provider, k.event, k.verdict, k.duplicate HAVING sum(d.n) <> 0
		ORDER BY d.day, k.provider, k.event, k.verdict, k.duplicate`, &out.Deliveries, true, first)
	if err != nil {
		return err
	}
	return read(`SELECT 0, k.provider, k.event, k.verdict, k.duplicate, CAST(sum(d.n) AS BIGINT), CAST(sum(d.bytes) AS BIGINT)
		FROM `+s.held()+` AS d JOIN kinds AS k ON k.id = d.kind
		GROUP BY k.provider, k.event, k.verdict, k.duplicate HAVING sum(d.n) <> 0
		ORDER BY k.provider, k.event, k.verdict, k.duplicate`, &out.Stored, false)
}

func (s *Store) depositStats(ctx context.Context, first int64, out *Stats) error {
	rows, err := s.query(ctx, `SELECT day, provider, environment, status, currency, CAST(sum(n) AS BIGINT), CAST(sum(amount) AS BIGINT)
		FROM `+s.counted("deposit_daily")+` AS d WHERE day >= ? GROUP BY day, provider, environment, status, currency HAVING sum(n) <> 0
		ORDER BY day, provider, environment, status, currency`, first)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var c DepositCount
		var day, amount int64
		var provider, environment, status, currency string
		if err := rows.Scan(&day, &provider, &environment, &status, &currency, &c.Count, &amount); err != nil {
			return err
		}
		c.Day, c.Provider, c.Environment = startOfDay(day), payment.ProviderID(provider), payment.Environment(environment)
		c.Status, c.Amount = payment.Status(status), payment.AmountOf(amount, payment.Currency(currency))
		out.Deposits = append(out.Deposits, c)
	}
	return rows.Err()
}

func (s *Store) queueStats(ctx context.Context, out *Stats) error {
	for _, c := range []struct {
		query string
		into  *int64
		args  []any
	}{
		{"SELECT count(*) FROM forwards WHERE state = ?", &out.Waiting, []any{string(ForwardWaiting)}},
		{"SELECT count(*) FROM forwards WHERE state = ?", &out.Dead, []any{string(ForwardDead)}},
		{"SELECT count(*) FROM deposits WHERE conflict <> ''", &out.Conflicts, nil},
	} {
		if err := s.read.QueryRowContext(ctx, c.query, c.args...).Scan(c.into); err != nil {
			return err
		}
	}
	open := []payment.Status{payment.StatusCreated, payment.StatusUnknown, payment.StatusPending}
	w := window{limit: 1, order: oldestFirst}
	held, err := s.depositStretch(ctx, DepositFilter{Statuses: open}, false)
	if err != nil {
		return err
	}
	page, err := s.page(ctx, held, w)
	if err == nil && len(page) > 0 {
		out.OldestOpen = fromMicros(page[0].at)
	}
	return err
}
