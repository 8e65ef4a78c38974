package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// QueryStatus is where a query stands.
type QueryStatus string

// The statuses of a query.
const (
	// QueryCreated is recorded; whether it was sent is not known.
	QueryCreated QueryStatus = "CREATED"
	// QueryAccepted is queued by the provider; the result comes by callback.
	QueryAccepted QueryStatus = "ACCEPTED"
	// QueryRefused was not accepted.
	QueryRefused QueryStatus = "REFUSED"
	// QueryAnswered has its result.
	QueryAnswered QueryStatus = "ANSWERED"
	// QueryTimedOut expired in the provider's queue: no answer, which says
	// nothing about what was asked (reference/daraja.md §6.5).
	QueryTimedOut QueryStatus = "TIMED_OUT"
)

// Query is a question whose answer comes later by callback: transaction status,
// balance, reversal.
type Query struct {
	ID string
	// Kind is "transaction_status", "balance", "reversal" and so on.
	Kind        string
	Provider    payment.ProviderID
	Environment payment.Environment
	Status      QueryStatus
	// DepositID is the deposit that is asked about, "" if none is.
	DepositID string
	// Receipt and OriginalConversationID are what is asked about.
	Receipt                string
	OriginalConversationID string
	// Request is what was asked, for showing and for asking again; no secrets.
	Request json.RawMessage
	// Because is why, for the action of asking; it is not read back.
	Because string
	// Token is the secret last segment of the result path.
	Token string
	// ConversationID and OriginatorConversationID belong to this query
	// (reference/daraja.md §6.2).
	ConversationID           string
	OriginatorConversationID string
	// Code and Message are the provider's, of the acceptance or refusal.
	Code    string
	Message string
	// DeliveryID is the result (or the time-out), "" before.
	DeliveryID string
	CreatedAt  time.Time
	UpdatedAt  time.Time
	// AnsweredAt is when the result came, zero before.
	AnsweredAt time.Time
}

// queryRow is a query with its keys.
type queryRow struct {
	seq, deposit, delivery int64
	Query
}

func queryColumns(q *queryRow, to []column) []column {
	return append(to, []column{
		{"seq", (*integer)(&q.seq)},
		{"kind", (*text)(&q.Kind)},
		{"provider", (*text)(&q.Provider)},
		{"environment", (*text)(&q.Environment)},
		{"status", (*text)(&q.Status)},
		{"deposit", (*key)(&q.deposit)},
		{"receipt", (*text)(&q.Receipt)},
		{"original_conversation_id", (*text)(&q.OriginalConversationID)},
		{"request", (*document)(&q.Request)},
		{"token", (*text)(&q.Token)},
		{"conversation_id", (*text)(&q.ConversationID)},
		{"originator_conversation_id", (*text)(&q.OriginatorConversationID)},
		{"code", (*text)(&q.Code)},
		{"message", (*text)(&q.Message)},
		{"delivery", (*key)(&q.delivery)},
		{"created_at", (*instant)(&q.CreatedAt)},
		{"updated_at", (*instant)(&q.UpdatedAt)},
		{"answered_at", (*moment)(&q.AnsweredAt)},
	}...)
}

// named gives a query the ids that are not stored.
func (db *database) named(q queryRow) queryRow {
	q.ID, q.DepositID, q.DeliveryID = db.id(queryPrefix, q.seq), db.id(depositPrefix, q.deposit), db.id(deliveryPrefix, q.delivery)
	return q
}

// by returns the query that a condition finds; sql.ErrNoRows when there is none.
func (t queryTx) by(ctx context.Context, where string, args ...any) (queryRow, error) {
	q, err := t.db.tables.queries.one(ctx, t.tx, "WHERE "+where, args...)
	return t.db.named(q), err
}

// Create records a query before it is sent. The ledger gives ID, Token (if
// there is none) and times. Its DepositID must be a deposit's or empty.
func (h *Queries) Create(ctx context.Context, q Query) (Query, error) {
	created, _, err := h.create(ctx, q, nil)
	return created, err
}

// CreateSole is CreateQuery for what must not be asked for twice: where the
// ledger has another query of that kind about that receipt, which was not refused
// and whose id is not among settled, nothing is recorded, and the newest such query
// is returned with sole false. Processes that ask at once get one query between them.
func (h *Queries) CreateSole(ctx context.Context, q Query, settled []string) (_ Query, sole bool, err error) {
	return h.create(ctx, q, func(ctx context.Context, t *tx) (queryRow, error) {
		rows, err := t.rows(ctx, "SELECT seq FROM queries WHERE receipt = ? AND receipt <> '' AND kind = ? AND provider = ? AND status <> ? ORDER BY seq DESC",
			q.Receipt, q.Kind, string(q.Provider), string(QueryRefused))
		if err != nil {
			return queryRow{}, err
		}
		var other int64
		for rows.Next() {
			var seq int64
			if err := rows.Scan(&seq); err != nil {
				return queryRow{}, errors.Join(err, rows.Close())
			}
			if other == 0 && !slices.Contains(settled, h.id(queryPrefix, seq)) {
				other = seq
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || other == 0 {
			return queryRow{}, err
		}
		return t.queries.by(ctx, "seq = ?", other)
	})
}

// create records a query unless rival finds one that stands in its way.
func (h *Queries) create(ctx context.Context, q Query, rival func(context.Context, *tx) (queryRow, error)) (_ Query, made bool, err error) {
	if q.Kind == "" || q.Provider == "" {
		return Query{}, false, payment.Usage("query: it names no kind or no provider", "set both")
	}
	if len(q.Request) == 0 {
		q.Request = json.RawMessage("{}")
	}
	if !json.Valid(q.Request) {
		return Query{}, false, payment.Usage("query: the request is not JSON", "marshal it")
	}
	deposit, known := h.key(depositPrefix, q.DepositID)
	if q.DepositID != "" && !known {
		return Query{}, false, noSuch("deposit", q.DepositID)
	}
	if q.Token == "" {
		q.Token = payment.NewToken()
	}
	var other queryRow
	asked, foresee := q, func(f *foresight) {
		h.foreseeAct(f)
		f.add("queries", 1)
	}
	err = h.doForeseen(ctx, "record the query", foresee, func(ctx context.Context, t *tx) error {
		if rival != nil {
			var err error
			if other, err = rival(ctx, t); err != nil || other.seq != 0 {
				return err
			}
		}
		now := fromMicros(micros(t.now))
		row := queryRow{deposit: deposit, Query: Query{
			Kind: asked.Kind, Provider: asked.Provider, Environment: asked.Environment, Status: QueryCreated, DepositID: asked.DepositID,
			Receipt: asked.Receipt, OriginalConversationID: asked.OriginalConversationID, Request: asked.Request, Token: asked.Token,
			CreatedAt: now, UpdatedAt: now,
		}}
		var err error
		row.seq, _, err = t.db.tables.queries.add(ctx, t, &row)
		if err != nil {
			return err
		}
		row = h.named(row)
		t.known.setQuery(row)
		q = row.Query
		return t.act(ctx, "ask for "+strings.ReplaceAll(q.Kind, "_", " "), q.ID, asked.Because)
	})
	switch {
	case err != nil:
		return Query{}, false, err
	case other.seq != 0:
		return other.Query, false, nil
	}
	return q, true, nil
}

// Accept records that the provider accepted a query. Where the result came
// before, by the token in its path, the query stays answered.
func (h *Queries) Accept(ctx context.Context, id string, a payment.Acceptance) (Query, error) {
	return h.change(ctx, id, func(ctx context.Context, t *tx, q queryRow) error {
		before, status := q, q.Status
		if status == QueryCreated || status == QueryRefused {
			status = QueryAccepted
		}
		q.Status, q.ConversationID, q.OriginatorConversationID = status, a.ConversationID, a.OriginatorConversationID
		q.Code, q.Message = a.Code, a.Message
		if err := t.queries.save(ctx, before, q); err != nil || status != QueryAccepted {
			return err
		}
		return t.queries.reversal(ctx, q, payment.Reversal{Status: payment.StatusPending, At: fromMicros(micros(t.now))})
	})
}

// Refuse records that the provider did not accept a query, in its own words.
func (h *Queries) Refuse(ctx context.Context, id, code, message string) (Query, error) {
	return h.change(ctx, id, func(ctx context.Context, t *tx, q queryRow) error {
		before := q
		if q.Status != QueryCreated {
			return nil
		}
		q.Status, q.Code, q.Message = QueryRefused, code, message
		return t.queries.save(ctx, before, q)
	})
}

func (h *Queries) change(ctx context.Context, id string, run func(context.Context, *tx, queryRow) error) (Query, error) {
	seq, ok := h.key(queryPrefix, id)
	if !ok {
		return Query{}, noSuch("query", id)
	}
	var out queryRow
	err := h.do(ctx, "record the query's answer", func(ctx context.Context, t *tx) error {
		q, err := t.queries.by(ctx, "seq = ?", seq)
		if errors.Is(err, sql.ErrNoRows) {
			return noSuch("query", id)
		}
		if err != nil {
			return err
		}
		if err := run(ctx, t, q); err != nil {
			return err
		}
		out, err = t.queries.by(ctx, "seq = ?", seq)
		return err
	})
	return out.Query, err
}

// Find returns the queries that carry an identifier: local id,
// ConversationID, OriginatorConversationID or the receipt asked about; newest
// first, none without error.
func (h *Queries) Find(ctx context.Context, anyID string) ([]Query, error) {
	if anyID == "" {
		return nil, nil
	}
	seq, _ := h.key(queryPrefix, anyID)
	return h.where(ctx, `WHERE seq = ? OR conversation_id = ? AND conversation_id <> ''
		OR originator_conversation_id = ? AND originator_conversation_id <> '' OR receipt = ? AND receipt <> ''
		ORDER BY seq DESC LIMIT ?`, seq, anyID, anyID, anyID, mostFound)
}

// About returns all queries of a kind about a receipt, newest first.
func (h *Queries) About(ctx context.Context, kind, receipt string) ([]Query, error) {
	return h.where(ctx, "WHERE receipt = ? AND receipt <> '' AND kind = ? ORDER BY seq DESC", receipt, kind)
}

// QueryFilter chooses queries; zero fields let everything pass.
type QueryFilter struct {
	Kind   string
	Status QueryStatus
	// Limit is how many at most, 0 for all.
	Limit int
	// Cursor continues after an earlier page.
	Cursor string
}

// List returns queries, newest first, and the cursor of the next page.
func (h *Queries) List(ctx context.Context, f QueryFilter) ([]Query, string, error) {
	from, _, err := parseCursor(f.Cursor)
	if err != nil {
		return nil, "", err
	}
	most := int64(f.Limit)
	if most <= 0 {
		most = idMostKey
	}
	if from.seq == 0 {
		from.seq = idMostKey
	}
	out, err := h.where(ctx, `WHERE seq < ? AND (? = '' OR kind = ?) AND (? = '' OR status = ?)
		ORDER BY seq DESC LIMIT ?`, from.seq, f.Kind, f.Kind, string(f.Status), string(f.Status), most)
	if err != nil || int64(len(out)) < most {
		return out, "", err
	}
	last, _ := h.key(queryPrefix, out[len(out)-1].ID)
	return out, position{at: micros(out[len(out)-1].CreatedAt), seq: last}.cursor(), nil
}

func (h *Queries) where(ctx context.Context, where string, args ...any) ([]Query, error) {
	found, err := h.tables.queries.all(ctx, h, where, args...)
	out := make([]Query, len(found))
	for i, q := range found {
		out[i] = h.named(q).Query
	}
	return out, h.kinded("read the queries", err)
}

// save writes what changed of a query.
func (t queryTx) save(ctx context.Context, before, after queryRow) error {
	after.UpdatedAt = t.now
	if err := t.db.tables.queries.update(ctx, t.tx, &before, &after); err != nil {
		return err
	}
	t.known.setQuery(after)
	return nil
}
