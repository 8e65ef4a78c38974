package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Deposit returns the deposit with a local id; KindNotFound if there is none.
func (s *Store) Deposit(ctx context.Context, id string) (payment.Deposit, error) {
	seq, ok := s.key(depositPrefix, id)
	if !ok {
		return payment.Deposit{}, noSuch("deposit", id)
	}
	d, err := s.scanDeposit(s.read.QueryRowContext(ctx, "SELECT "+depositColumns+" FROM deposits WHERE seq = ?", seq))
	if errors.Is(err, sql.ErrNoRows) {
		return payment.Deposit{}, noSuch("deposit", id)
	}
	return d.Deposit, s.kinded("read the deposit", err)
}

// mostFound bounds what one identifier may find: a reference may be used often.
const mostFound = 100

// FindDeposit returns the deposits that carry an identifier of any sort: local
// id, reference, CheckoutRequestID, MerchantRequestID, WasaaPay id, receipt or
// idempotency key; newest first, at most 100, none without error.
func (s *Store) FindDeposit(ctx context.Context, anyID string) ([]payment.Deposit, error) {
	if anyID == "" {
		return nil, nil
	}
	seq, _ := s.key(depositPrefix, anyID)
	// One look-up for each index; the conditions repeat those of partial indices.
	found, err := s.readDeposits(ctx, "SELECT "+depositColumns+` FROM deposits WHERE seq IN (
		SELECT seq FROM deposits WHERE seq = ?
		UNION SELECT seq FROM deposits WHERE idempotency_key = ?
		UNION SELECT seq FROM deposits WHERE provider_id = ? AND provider_id <> ''
		UNION SELECT seq FROM deposits WHERE merchant_request_id = ? AND merchant_request_id <> ''
		UNION SELECT seq FROM deposits WHERE receipt = ? AND receipt <> ''
		UNION SELECT seq FROM (SELECT seq FROM deposits WHERE reference = ? ORDER BY seq DESC LIMIT ?) AS recent
		) ORDER BY seq DESC LIMIT ?`, seq, anyID, anyID, anyID, anyID, anyID, mostFound, mostFound)
	return deposits(found), s.kinded("find the deposit", err)
}

func deposits(rows []depositRow) []payment.Deposit {
	out := make([]payment.Deposit, len(rows))
	for i, r := range rows {
		out[i] = r.Deposit
	}
	return out
}

// DepositFilter chooses deposits; zero fields let everything pass.
type DepositFilter struct {
	Statuses    []payment.Status
	Provider    payment.ProviderID
	Environment payment.Environment
	// Since and Until bound CreatedAt; Until is exclusive.
	Since, Until time.Time
	// Limit is how many at most, 0 for all.
	Limit int
	// Cursor continues after an earlier page.
	Cursor string
}

// ListDeposits returns deposits, newest first, and the cursor of the next page,
// "" after the last. A cursor that no list gave is KindUsage.
func (s *Store) ListDeposits(ctx context.Context, f DepositFilter) ([]payment.Deposit, string, error) {
	var w window
	var err error
	w.since, w.until = f.Since, f.Until
	if w.from, w.hasFrom, err = parseCursor(f.Cursor); err != nil {
		return nil, "", err
	}
	out := []payment.Deposit{}
	next, err := paged(w, f.Limit, func(w window) ([]position, error) {
		page, err := s.depositPositions(ctx, f, w)
		if err != nil || len(page) == 0 {
			return page, err
		}
		rows, err := s.readDeposits(ctx, "SELECT "+depositColumns+" FROM deposits WHERE seq"+sqlInList, seqs(page))
		if err != nil {
			return nil, err
		}
		bySeq := make(map[int64]payment.Deposit, len(rows))
		for _, r := range rows {
			bySeq[r.seq] = r.Deposit
		}
		for _, p := range page {
			if d, ok := bySeq[p.seq]; ok {
				out = append(out, d)
			}
		}
		return page, nil
	})
	return out, next, s.kinded("list the deposits", err)
}

func (s *Store) depositPositions(ctx context.Context, f DepositFilter, w window) ([]position, error) {
	if len(f.Statuses) == 0 && f.Provider == "" && f.Environment == "" && !w.timed() {
		return pageByKey(ctx, s.read, "deposits", "created_at", w)
	}
	rows, err := s.read.QueryContext(ctx, "SELECT id, provider, environment, status FROM shelves")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var runs []indexRun
	for rows.Next() {
		var id int64
		var provider, environment, status string
		if err := rows.Scan(&id, &provider, &environment, &status); err != nil {
			return nil, err
		}
		if f.Provider != "" && string(f.Provider) != provider || f.Environment != "" && string(f.Environment) != environment ||
			len(f.Statuses) > 0 && !slices.Contains(f.Statuses, payment.Status(status)) {
			continue
		}
		runs = append(runs, indexRun{table: "deposits", at: "created_at", where: "shelf = ?", args: []any{id}})
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	_ = rows.Close()
	return positions(ctx, s.read, runs, w)
}

// RecentSends returns the deposits whose request left for a phone at or after a
// time, newest first: those of one amount, or of any if amount is the zero
// Amount. It serves the cool-down rules (reference/daraja.md §11 row 9).
func (s *Store) RecentSends(ctx context.Context, phone payment.Phone, amount payment.Amount, since time.Time) ([]payment.Deposit, error) {
	if phone.IsZero() {
		return nil, nil
	}
	query := "SELECT " + depositColumns + " FROM deposits WHERE phone = ? AND sent_at >= ?"
	args := []any{phone.MSISDN(), micros(since)}
	if amount.HasValue() {
		query += " AND amount = ? AND currency = ?"
		args = append(args, amount.Minor(), string(amount.Currency()))
	}
	found, err := s.readDeposits(ctx, query+" ORDER BY sent_at DESC, seq DESC LIMIT ?", append(args, mostFound)...)
	return deposits(found), s.kinded("read recent deposits", err)
}

// HistoryEntry is one thing that was said about a deposit, or done with it.
type HistoryEntry struct {
	At time.Time
	// Source is "" for what payctl itself did, such as sending.
	Source payment.Source
	Status payment.Status
	Move   payment.Move
	// DeliveryID names the delivery that said it, "" for other sources.
	DeliveryID string
	// Event and Verdict are the delivery's.
	Event   string
	Verdict payment.Verdict
	// Note says more: a contradiction, why a delivery was not believed.
	Note string
}

// History returns everything known about a deposit, oldest first: its creation,
// claims and deliveries, those included that moved nothing.
func (s *Store) History(ctx context.Context, depositID string) ([]HistoryEntry, error) {
	d, err := s.Deposit(ctx, depositID)
	if err != nil {
		return nil, err
	}
	seq, _ := s.key(depositPrefix, depositID)
	out := []HistoryEntry{{At: d.CreatedAt, Status: payment.StatusCreated, Move: payment.MoveApply, Note: "recorded"}}
	rows, err := s.read.QueryContext(ctx, `
		SELECT at, source, c.status, c.move, coalesce(delivery, 0), '', '', note, 0, c.seq FROM claims AS c WHERE c.deposit = ?
		UNION ALL
		SELECT received_at, ?, k.status, v.move, v.seq, k.event, k.verdict, coalesce(reason, ''), 1, v.seq
		FROM deliveries AS v JOIN kinds AS k ON k.id = v.kind
		WHERE v.thing = ? OR v.thing IN (SELECT ? + q.seq FROM queries AS q WHERE q.deposit = ?)
		ORDER BY 1, 9, 10`,
		seq, string(payment.SourceCallback), seq, queryThing, seq)
	if err != nil {
		return nil, s.kinded("read the history", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e HistoryEntry
		var at, move, delivery, sort, order int64
		var source, status, verdict string
		if err := rows.Scan(&at, &source, &status, &move, &delivery, &e.Event, &verdict, &e.Note, &sort, &order); err != nil {
			return nil, s.kinded("read the history", err)
		}
		e.At, e.Source, e.Status = fromMicros(at), payment.Source(source), payment.Status(status)
		e.Move, e.Verdict, e.DeliveryID = moveOf(move), payment.Verdict(verdict), s.id(deliveryPrefix, delivery)
		out = append(out, e)
	}
	return out, s.kinded("read the history", rows.Err())
}

// moveOf reads a stored move; what no version wrote is none.
func moveOf(n int64) payment.Move {
	if n < int64(payment.MoveNone) || n > int64(payment.MoveConflict) {
		return payment.MoveNone
	}
	return payment.Move(n)
}
