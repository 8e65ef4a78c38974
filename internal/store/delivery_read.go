package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// StoredDelivery is a delivery as the ledger holds it.
type StoredDelivery struct {
	// Delivery has ID, Provider, Route, Token, Method, Peer and ReceivedAt; lists
	// leave Header and Body out unless they are asked for.
	payment.Delivery
	Verdict     payment.Verdict
	Matched     string
	Reason      string
	DuplicateOf string
	DepositID   string
	QueryID     string
	// Move is what it did to its deposit.
	Move payment.Move
	// Event is what the ledger keeps of the event, without Key and Phone; nil if
	// there is none.
	Event *payment.Event
	// Size is the body's length in bytes, SHA256 its hash in hexadecimal.
	Size   int64
	SHA256 string
}

// DeliveryFilter chooses deliveries; zero fields let everything pass.
type DeliveryFilter struct {
	Provider payment.ProviderID
	// Event is an event's name; a name that ends with ".*" or "*" is a prefix.
	Event    string
	Verdicts []payment.Verdict
	Statuses []payment.Status
	// OnlyFirst leaves duplicates out.
	OnlyFirst bool
	// Since and Until bound ReceivedAt; Until is exclusive.
	Since, Until time.Time
	// DepositID and QueryID keep what is about one of them.
	DepositID string
	QueryID   string
	// Limit is how many at most, 0 for all.
	Limit int
	// Cursor continues after an earlier page.
	Cursor string
	// WithBody fills Header and Body.
	WithBody bool
}

// deliveryColumns always holds the body: its hash is wanted in every list, and
// it lies in the same page of the file.
const deliveryColumns = `v.seq, v.received_at, k.provider, k.route, k.event, k.verdict, k.status,
	coalesce(v.deposit, 0), coalesce(v.query, 0), coalesce(v.duplicate_of, 0), v.move, v.size,
	coalesce(v.provider_id, ''), coalesce(v.reference, ''), coalesce(v.receipt, ''), coalesce(v.conversation_id, ''),
	v.amount, coalesce(v.currency, ''), v.occurred_at, v.token, coalesce(v.method, 'POST'),
	coalesce(v.peer, ''), coalesce(v.reason, ''), coalesce(v.detail, ''), v.header, v.body,
	coalesce((SELECT d.callback_token FROM deposits AS d WHERE d.seq = v.deposit), '')`

const deliveryTables = " FROM deliveries AS v JOIN kinds AS k ON k.id = v.kind "

func (db *database) scanDelivery(r row, withBody bool) (int64, StoredDelivery, error) {
	var d StoredDelivery
	var e payment.Event
	var seq, received, deposit, query, duplicateOf, move int64
	var provider, verdict, status, currency, more, header, depositToken string
	var amount, occurred sql.NullInt64
	var token sql.NullString
	var body []byte
	err := r.Scan(&seq, &received, &provider, &d.Route, &e.Name, &verdict, &status, &deposit, &query, &duplicateOf, &move,
		&d.Size, &e.ProviderID, &e.Reference, &e.Receipt, &e.ConversationID, &amount, &currency, &occurred, &token,
		&d.Method, &d.Peer, &d.Reason, &more, &header, &body, &depositToken)
	if err != nil {
		return 0, d, err
	}
	d.ID, d.Provider, d.ReceivedAt = db.id(deliveryPrefix, seq), payment.ProviderID(provider), fromMicros(received)
	d.Verdict, d.Move = payment.Verdict(verdict), moveOf(move)
	d.DepositID, d.QueryID, d.DuplicateOf = db.id(depositPrefix, deposit), db.id(queryPrefix, query), db.id(deliveryPrefix, duplicateOf)
	sum := sha256.Sum256(body)
	d.SHA256 = hex.EncodeToString(sum[:])
	var det detail
	if more != "" {
		if err := json.Unmarshal([]byte(more), &det); err != nil {
			return 0, d, fmt.Errorf("delivery %s: the ledger holds details that cannot be read", d.ID)
		}
	}
	d.Matched = det.Matched
	if d.Token = token.String; token.Valid && d.Token == "" {
		d.Token = depositToken
	}
	if e.Name != "" {
		e.Provider, e.Status, e.OccurredAt = d.Provider, payment.Status(status), fromNullMicros(occurred)
		e.MerchantRequestID, e.OriginatorConversationID = det.MerchantRequestID, det.OriginatorConversationID
		e.ShortCode, e.Failure, e.Notes, e.Environment = det.ShortCode, det.Failure, det.Notes, det.Environment
		if amount.Valid {
			e.Amount = payment.AmountOf(amount.Int64, payment.Currency(currency))
		}
		d.Event = &e
	}
	if withBody {
		d.Body = body
		if d.Header, err = decodeHeader(header); err != nil {
			return 0, d, fmt.Errorf("delivery %s: %w", d.ID, err)
		}
	}
	return seq, d, nil
}

// Get returns one delivery with its headers and the exact bytes of its
// body; KindNotFound if there is none.
func (h *Deliveries) Get(ctx context.Context, id string) (StoredDelivery, error) {
	seq, ok := h.key(deliveryPrefix, id)
	if !ok {
		return StoredDelivery{}, noSuch("delivery", id)
	}
	_, d, err := h.scanDelivery(h.read.QueryRowContext(ctx, "SELECT "+deliveryColumns+deliveryTables+"WHERE v.seq = ?", seq), true)
	if errors.Is(err, sql.ErrNoRows) {
		return StoredDelivery{}, noSuch("delivery", id)
	}
	return d, h.kinded("read the delivery", err)
}

// List returns deliveries, newest first, and the cursor of the next page,
// "" after the last.
func (h *Deliveries) List(ctx context.Context, f DeliveryFilter) ([]StoredDelivery, string, error) {
	out := []StoredDelivery{}
	next, err := h.walk(ctx, f, newestFirst, func(d StoredDelivery) error {
		out = append(out, d)
		return nil
	})
	return out, next, err
}

// Each calls do for deliveries, oldest first, headers and bodies
// included, in memory that does not grow with their number. It stops at do's
// first error and returns it.
func (h *Deliveries) Each(ctx context.Context, f DeliveryFilter, do func(StoredDelivery) error) error {
	f.WithBody = true
	_, err := h.walk(ctx, f, oldestFirst, do)
	return err
}

// walk reads page after page: no read transaction stays open while do works, so
// that a slow reader does not keep the log from being checkpointed.
func (h *Deliveries) walk(ctx context.Context, f DeliveryFilter, o order, do func(StoredDelivery) error) (string, error) {
	var err error
	w := window{since: f.Since, until: f.Until, order: o}
	if w.from, w.hasFrom, err = parseCursor(f.Cursor); err != nil {
		return "", err
	}
	read, err := h.pages(f)
	if err != nil {
		return "", err
	}
	var fromDo error
	next, err := paged(w, f.Limit, func(w window) ([]position, error) {
		page, err := read(ctx, w)
		if err != nil || len(page) == 0 {
			return page, err
		}
		found, err := h.fetch(ctx, page, f.WithBody)
		if err != nil {
			return nil, err
		}
		for _, p := range page {
			d, ok := found[p.seq]
			if !ok {
				continue
			}
			if fromDo = do(d); fromDo != nil {
				return nil, fromDo
			}
		}
		return page, nil
	})
	if fromDo != nil {
		return "", fromDo
	}
	return next, h.kinded("list the deliveries", err)
}

func (h *Deliveries) fetch(ctx context.Context, page []position, withBody bool) (map[int64]StoredDelivery, error) {
	rows, err := h.read.QueryContext(ctx, "SELECT "+deliveryColumns+deliveryTables+"WHERE v.seq"+sqlInList, seqs(page))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := make(map[int64]StoredDelivery, len(page))
	for rows.Next() {
		seq, d, err := h.scanDelivery(rows, withBody)
		if err != nil {
			return nil, err
		}
		out[seq] = d
	}
	return out, rows.Err()
}

// pages chooses how the positions of a filter's pages are found.
func (h *Deliveries) pages(f DeliveryFilter) (func(context.Context, window) ([]position, error), error) {
	if f.DepositID != "" || f.QueryID != "" {
		return h.relatedPages(f)
	}
	if f.Provider == "" && f.Event == "" && len(f.Verdicts) == 0 && len(f.Statuses) == 0 && !f.OnlyFirst &&
		f.Since.IsZero() && f.Until.IsZero() {
		return func(ctx context.Context, w window) ([]position, error) {
			return pageByKey(ctx, h.read, "deliveries", "received_at", w)
		}, nil
	}
	return func(ctx context.Context, w window) ([]position, error) {
		ids, err := h.matchingKinds(ctx, f)
		if err != nil {
			return nil, err
		}
		runs := make([]indexRun, len(ids))
		for i, id := range ids {
			runs[i] = indexRun{table: "deliveries", at: "received_at", where: "kind = ?", args: []any{id}}
		}
		return positions(ctx, h.read, runs, w)
	}, nil
}

// relatedPages reads what is about one deposit or query; there are few of them,
// and the other conditions are checked row by row.
func (h *Deliveries) relatedPages(f DeliveryFilter) (func(context.Context, window) ([]position, error), error) {
	deposit, okDeposit := h.key(depositPrefix, f.DepositID)
	query, okQuery := h.key(queryPrefix, f.QueryID)
	switch {
	case f.DepositID != "" && !okDeposit:
		return nil, noSuch("deposit", f.DepositID)
	case f.QueryID != "" && !okQuery:
		return nil, noSuch("query", f.QueryID)
	}
	where, about := "(thing = ? OR thing IN (SELECT ? + q.seq FROM queries AS q WHERE q.deposit = ?))", []any{deposit, queryThing, deposit}
	if f.QueryID != "" {
		where, about = "thing = ?", []any{queryThing + query}
		if f.DepositID != "" {
			where, about = "thing = ? AND deposit = ?", append(about, deposit)
		}
	}
	return func(ctx context.Context, w window) ([]position, error) {
		ids, err := h.matchingKinds(ctx, f)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		where, args := where+" AND kind"+sqlInList, append(slices.Clone(about), numbers(ids))
		return positions(ctx, h.read, []indexRun{{table: "deliveries", at: "received_at", where: where, args: args}}, w)
	}, nil
}

// matchingKinds returns the numbers of the kinds that a filter lets pass.
func (h *Deliveries) matchingKinds(ctx context.Context, f DeliveryFilter) ([]int64, error) {
	rows, err := h.read.QueryContext(ctx, "SELECT id, provider, event, verdict, status, duplicate FROM kinds")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []int64
	for rows.Next() {
		var id, duplicate int64
		var provider, event, verdict, status string
		if err := rows.Scan(&id, &provider, &event, &verdict, &status, &duplicate); err != nil {
			return nil, err
		}
		switch {
		case f.Provider != "" && string(f.Provider) != provider,
			!matchesEvent(f.Event, event),
			!contains(f.Verdicts, payment.Verdict(verdict)),
			!contains(f.Statuses, payment.Status(status)),
			f.OnlyFirst && duplicate != 0:
			continue
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

func contains[T comparable](wanted []T, v T) bool {
	for _, w := range wanted {
		if w == v {
			return true
		}
	}
	return len(wanted) == 0
}

func matchesEvent(pattern, event string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(event, prefix)
	}
	return pattern == "" || pattern == event
}
