package store

import (
	"context"
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
	// SamePaymentAs is the delivery that settled the deposit which this one tells of again.
	SamePaymentAs string
	DepositID     string
	QueryID       string
	// Subject names what it is about: the id of its deposit or query, or another
	// word that all deliveries about the same have in common.
	Subject string
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
	Event string
	// Verdicts keeps deliveries with one of them; without any, strays are left out.
	Verdicts []payment.Verdict
	Statuses []payment.Status
	// OnlyFirst leaves duplicates out.
	OnlyFirst bool
	// Since and Until bound ReceivedAt; Until is exclusive.
	Since, Until time.Time
	// Failed keeps those whose last attempt at some target got no 2xx.
	Failed bool
	// Phone keeps what is about a deposit of this number's or, where the ledger has no
	// deposit for it, names the number itself, masked or not.
	Phone payment.Phone
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

// Get returns one delivery with its headers and the exact bytes of its
// body; KindNotFound if there is none.
func (h *Deliveries) Get(ctx context.Context, id string) (StoredDelivery, error) {
	seq, ok := h.key(deliveryPrefix, id)
	if !ok {
		return StoredDelivery{}, noSuch("delivery", id)
	}
	found, err := h.fetch(ctx, []position{{seq: seq}}, true)
	switch d := found[seq]; {
	case err != nil:
		return StoredDelivery{}, h.kinded("read the delivery", err)
	case d != nil:
		return *d, nil
	}
	return StoredDelivery{}, noSuch("delivery", id)
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
	if err := h.engine.Barrier(ctx); err != nil {
		return h.kinded("read the deliveries", err)
	}
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
	var fromDo error
	next, err := paged(w, f.Limit, func(w window) ([]position, error) {
		s, err := h.stretch(ctx, f)
		if err != nil {
			return nil, err
		}
		page, err := h.page(ctx, s, w)
		if err != nil || len(page) == 0 {
			return page, err
		}
		found, err := h.fetch(ctx, page, f.WithBody)
		if err != nil {
			return nil, err
		}
		for _, p := range page {
			d := found[p.seq]
			if d == nil {
				continue
			}
			if fromDo = do(*d); fromDo != nil {
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

func (h *Deliveries) fetch(ctx context.Context, page []position, withBody bool) (map[int64]*StoredDelivery, error) {
	rows, err := h.query(ctx, sqlDeliveries("WHERE "+h.engine.In("v.seq")), h.engine.Numbers(seqs(page)))
	if err != nil {
		return nil, err
	}
	found, err := scanInto(rows, viewColumns, make([]deliveryView, 0, len(page)))
	if err == nil {
		err = h.nameKinds(ctx, found)
	}
	if err != nil {
		return nil, err
	}
	h.scanned(ctx, found)
	out, list := make(map[int64]*StoredDelivery, len(found)), make([]StoredDelivery, len(found))
	for i := range found {
		v := &found[i]
		if list[i], err = h.stored(v, withBody); err != nil {
			return nil, err
		}
		out[v.seq] = &list[i]
	}
	return out, h.tieSamePayments(ctx, found, out)
}

// mostScanned is how many deliveries are read, large ones counted for several, before what
// they have filled memory with is given back.
const mostScanned = 1000

func (h *Deliveries) scanned(ctx context.Context, rows []deliveryView) {
	if !h.writer.started.Load() {
		return // there is nobody to take memory from
	}
	n := int64(len(rows))
	for i := range rows {
		n += rows[i].size >> 13
	}
	if all := h.fetched.Add(n); all/mostScanned != (all-n)/mostScanned {
		h.engine.Scanned(ctx)
	}
}

// tieSamePayments names for what customers paid under a deposit's receipt the delivery
// that settled that deposit.
func (h *Deliveries) tieSamePayments(ctx context.Context, rows []deliveryView, out map[int64]*StoredDelivery) error {
	if err := h.tieEarlyPayments(ctx, rows, out); err != nil {
		return err
	}
	var deposits []int64
	for i := range rows {
		if rows[i].deposit != 0 && payment.TopicOf(rows[i].is.event) == payment.TopicCustomer {
			deposits = append(deposits, rows[i].deposit)
		}
	}
	if len(deposits) == 0 {
		return nil
	}
	settled, err := h.query(ctx, `SELECT v.subject, min(v.seq) FROM deliveries AS v JOIN kinds AS k ON k.id = v.kind
		WHERE `+h.engine.In("v.subject")+` AND v.dedup IS NOT NULL AND k.status = ? GROUP BY v.subject`,
		h.engine.Numbers(deposits), string(payment.StatusCompleted))
	if err != nil {
		return err
	}
	defer func() { _ = settled.Close() }()
	by := map[int64]int64{}
	for settled.Next() {
		var deposit, delivery int64
		if err := settled.Scan(&deposit, &delivery); err != nil {
			return err
		}
		by[deposit] = delivery
	}
	for i := range rows {
		if v := &rows[i]; payment.TopicOf(v.is.event) == payment.TopicCustomer && by[v.deposit] != 0 {
			out[v.seq].SamePaymentAs = h.id(deliveryPrefix, by[v.deposit])
		}
	}
	return settled.Err()
}

// tieEarlyPayments names the deposit of what customers paid under its receipt, where that
// was told before the deposit was settled.
func (h *Deliveries) tieEarlyPayments(ctx context.Context, rows []deliveryView, out map[int64]*StoredDelivery) error {
	early := map[string][]int{}
	var receipts []string
	for i := range rows {
		v := &rows[i]
		if v.deposit == 0 && v.event.Receipt != "" && v.is.verdict == payment.VerdictUnsigned && payment.TopicOf(v.is.event) == payment.TopicCustomer {
			early[v.event.Receipt] = append(early[v.event.Receipt], i)
			receipts = append(receipts, v.event.Receipt)
		}
	}
	if len(receipts) == 0 {
		return nil
	}
	found, err := h.depositsBy(ctx, h, h.engine.In("receipt")+" AND receipt <> '' AND status = ?", h.engine.Texts(receipts), string(payment.StatusCompleted))
	if err != nil {
		return err
	}
	for _, d := range found {
		for _, i := range early[d.Receipt] {
			if v := &rows[i]; v.is.provider == d.Provider && v.event.Amount == d.Amount {
				v.deposit = d.seq
				out[v.seq].DepositID = d.ID
			}
		}
	}
	return nil
}

// stretch is what a filter lets pass.
func (h *Deliveries) stretch(ctx context.Context, f DeliveryFilter) (s stretch, err error) {
	s = stretch{table: "deliveries", at: "received_at"}
	if f.DepositID != "" || f.QueryID != "" {
		s.runs, err = h.relatedRuns(ctx, f)
		return s, err
	}
	var whole bool
	s.runs, whole, err = h.runs(ctx, f)
	s.all = whole && !h.engine.Remote() && // whose keys are no order
		f.Provider == "" && f.Event == "" && len(f.Verdicts) == 0 && len(f.Statuses) == 0 && !f.OnlyFirst &&
		f.Since.IsZero() && f.Until.IsZero() && !f.Failed && f.Phone.IsZero()
	return s, err
}

// runs are the stretches of indices that hold what a filter lets pass; whole says that
// it lets every kind pass.
func (h *Deliveries) runs(ctx context.Context, f DeliveryFilter) (_ []indexRun, whole bool, err error) {
	ids, whole, err := h.matchingKinds(ctx, f)
	if err != nil || len(ids) == 0 {
		return nil, whole, err
	}
	table, also := "deliveries", ""
	if f.Failed {
		table, also = "failing", " AND "+sqlFirstFailing
	}
	runs := make([]indexRun, 0, len(ids))
	if f.Phone.IsZero() {
		for _, id := range ids {
			runs = append(runs, indexRun{table: table, at: "received_at", where: "kind = ?" + also, args: []any{id}})
		}
		return runs, whole, nil
	}
	number := f.Phone.MSISDN()
	stored, err := h.payerKinds(ctx, table, phoneKeys(f.Phone), ids)
	for _, s := range stored {
		run := indexRun{table: table, at: "received_at", where: "phone = ? AND kind = ?" + also, args: []any{s.phone, s.kind}}
		if !f.Failed {
			run.where += " AND coalesce((SELECT d.phone FROM deposits AS d WHERE d.seq = deliveries.subject), '') <> ?"
			run.args = append(run.args, number)
		}
		runs = append(runs, run)
	}
	if !f.Failed {
		// The plus keeps the planner off the list by kinds, which is as long as the ledger.
		runs = append(runs, indexRun{
			table: table, at: "received_at", where: "subject IN (SELECT d.seq FROM deposits AS d WHERE d.phone = ?) AND " + h.engine.In("+kind"),
			args: []any{number, h.engine.Numbers(ids)},
		})
	}
	return runs, whole, err
}

// sqlFirstFailing keeps each failing delivery once, however many targets it failed at.
const sqlFirstFailing = "target = (SELECT min(o.target) FROM failing AS o WHERE o.seq = failing.seq)"

// relatedRuns are what is about one deposit or query; there are few of them,
// and the other conditions are checked row by row.
func (h *Deliveries) relatedRuns(ctx context.Context, f DeliveryFilter) ([]indexRun, error) {
	deposit, okDeposit := h.key(depositPrefix, f.DepositID)
	query, okQuery := h.key(queryPrefix, f.QueryID)
	switch {
	case f.DepositID != "" && !okDeposit:
		return nil, noSuch("deposit", f.DepositID)
	case f.QueryID != "" && !okQuery:
		return nil, noSuch("query", f.QueryID)
	}
	where, about := "subject = ?", []any{deposit}
	if f.QueryID != "" {
		where = "subject IN (?, coalesce((SELECT q.deposit FROM queries AS q WHERE q.seq = ?), 0)) AND query = ?"
		about = []any{querySubject + query, query, query}
		if f.DepositID != "" {
			where, about = where+" AND deposit = ?", append(about, deposit)
		}
	}
	ids, _, err := h.matchingKinds(ctx, f)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	kinds := " AND " + h.engine.In("+kind") + f.ifFailed()
	runs := []indexRun{{table: "deliveries", at: "received_at", where: where + kinds, args: append(slices.Clone(about), h.engine.Numbers(ids))}}
	if f.QueryID == "" {
		runs = append(runs, indexRun{table: "deliveries", at: "received_at", where: sqlEarlyPayments + kinds, args: []any{deposit, deposit, h.engine.Numbers(ids)}})
	}
	return runs, nil
}

// sqlEarlyPayments picks what a customer paid under a deposit's receipt, where that was
// told before the deposit was settled.
const sqlEarlyPayments = `seq IN (SELECT delivery FROM claims WHERE deposit = ? AND delivery IS NOT NULL) AND deposit IS NULL
	AND receipt = (SELECT d.receipt FROM deposits AS d WHERE d.seq = ?)`

// ifFailed is a further condition on a few rows.
func (f DeliveryFilter) ifFailed() string {
	if !f.Failed {
		return ""
	}
	return " AND EXISTS (SELECT 1 FROM failing AS f WHERE f.seq = deliveries.seq)"
}

// payerKind is a phone's key and a kind under which there are rows.
type payerKind struct {
	phone string
	kind  int64
}

// sqlPayerKinds asks under which of n phone keys a table has rows of which kinds. It looks
// for one row of each, where an EXISTS may be planned as a read of them all.
func sqlPayerKinds(db *database, table string, n int) string {
	return "WITH wanted (phone) AS (VALUES (?)" + strings.Repeat(", (?)", n-1) + `),
		stored AS MATERIALIZED (SELECT w.phone FROM wanted AS w WHERE (SELECT 1 FROM ` + table + ` AS v WHERE v.phone = w.phone LIMIT 1) = 1)
		SELECT s.phone, k.id FROM stored AS s JOIN kinds AS k ON ` + db.engine.In("k.id") + `
		WHERE (SELECT 1 FROM ` + table + ` AS v WHERE v.phone = s.phone AND v.kind = k.id LIMIT 1) = 1`
}

// payerKinds returns those of some phone keys under which a table has rows of some kinds.
func (h *Deliveries) payerKinds(ctx context.Context, table string, keys []any, kinds []int64) ([]payerKind, error) {
	rows, err := h.query(ctx, sqlPayerKinds(h.database, table, len(keys)), append(keys, h.engine.Numbers(kinds))...)
	if err != nil {
		return nil, err
	}
	return scanAll(rows, func(p *payerKind, to []column) []column {
		return append(to, column{"", (*text)(&p.phone)}, column{"", (*integer)(&p.kind)})
	})
}
