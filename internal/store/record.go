package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"net/http"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// record judges and writes one arrival. It may run more than once.
func (p *arrival) record(ctx context.Context, t *tx) error {
	p.out = Recorded{}
	if t.known == nil {
		var err error
		if t.known, err = t.look(ctx, []*arrival{p}); err != nil {
			return err
		}
	}
	j := new(judged)
	t.known.judge(p, t.now, j)
	if err := p.fitting(ctx, t, j); err != nil {
		return err
	}
	p.out.Verdict, p.out.Move, p.out.Reason = j.verdict, j.move, cmp.Or(j.against, j.reason)
	seq, err := p.insertFirst(ctx, t, j)
	if errors.Is(err, errRepeated) {
		j.after = j.deposit
		seq, err = p.insertAgain(ctx, t, j)
	} else if err == nil && j.claim != nil && j.counts() {
		j.after, err = t.deposits.saveMove(ctx, j.deposit, j.after, *j.claim)
	}
	if err != nil {
		return err
	}
	if err := p.followUp(ctx, t, j, seq); err != nil {
		return err
	}
	p.out.DeliveryID = t.db.id(deliveryPrefix, seq)
	p.out.QueryID = t.db.id(queryPrefix, j.query.seq)
	if j.deposit.seq != 0 {
		p.out.DepositID, p.out.Status = j.after.ID, j.after.Status
	}
	return nil
}

// insertFirst writes an arrival whose meaning is new. Where a statement costs a round
// trip, what is known of the batch is asked first, and the ledger as long as repetitions
// come; one that was not asked for fails the transaction, which is then run again.
func (p *arrival) insertFirst(ctx context.Context, t *tx, j *judged) (int64, error) {
	if !t.remote() {
		return p.insert(ctx, t, j, 0)
	}
	m := sense{p.subject(t, j), p.dedup(t, j)}
	if t.repeats > 0 && t.known.first[m] == 0 && !t.known.asked[m] {
		var first int64
		err := t.row(ctx, sqlFirst, []any{m.subject, m.dedup}, &first)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, err
		}
		t.known.first[m] = first
	}
	if t.known.first[m] != 0 {
		return 0, errRepeated
	}
	seq, err := p.insert(ctx, t, j, 0)
	t.known.first[m] = seq
	return seq, err
}

const sqlFirst = "SELECT seq FROM deliveries WHERE subject = ? AND dedup = ?"

// insertAgain writes an arrival whose meaning is in the ledger already: as
// evidence that moves nothing.
func (p *arrival) insertAgain(ctx context.Context, t *tx, j *judged) (int64, error) {
	first := t.known.first[sense{p.subject(t, j), p.dedup(t, j)}]
	if first == 0 {
		if err := t.row(ctx, sqlFirst, []any{p.subject(t, j), p.dedup(t, j)}, &first); err != nil {
			return 0, err
		}
	}
	p.out.Move, p.out.Reason = payment.MoveNone, j.reason
	p.out.Duplicate, p.out.DuplicateOf = true, t.db.id(deliveryPrefix, first)
	return p.insert(ctx, t, j, first)
}

// followUp writes what refers to the delivery.
func (p *arrival) followUp(ctx context.Context, t *tx, j *judged, seq int64) error {
	if p.out.Withheld = p.withhold(j); !p.out.Withheld {
		if err := t.forwards.enqueue(ctx, seq, p.subject(t, j), p.Targets); err != nil {
			return err
		}
	}
	e := p.Inspection.Event
	if e == nil || p.out.Duplicate {
		return nil
	}
	if err := t.deposits.contradictRivals(ctx, j, seq); err != nil || !j.counts() {
		return err
	}
	if err := t.deposits.hint(ctx, j.fits, j.hint, seq); err != nil {
		return err
	}
	if j.query.seq != 0 {
		return t.queries.answer(ctx, j.query, e, seq)
	}
	if isWallet(e) {
		conflict, err := t.wallets.upsert(ctx, e, seq)
		if conflict != "" {
			p.out.Reason, p.out.Move = conflict, payment.MoveConflict
		}
		return err
	}
	return nil
}

// withhold reports whether a delivery is kept from the targets: it contradicts what the
// ledger holds, or the way that it came is not believed. A callback of a push that was
// made elsewhere contradicts nothing: it is sent, as what it is, unless it came without
// the secret of the installation.
func (p *arrival) withhold(j *judged) bool {
	if j.counts() || p.ForwardUntrusted {
		return false
	}
	e := p.Inspection.Event
	known := j.deposit.seq != 0 || j.query.seq != 0
	return p.Distrust != "" || known || e != nil && payment.TopicOf(e.Name) == payment.TopicCustomer || p.Stranger && !p.knowsToken(j)
}

// knowsToken tells whether the path held the token of the deposit or the query
// that the arrival is about.
func (p *arrival) knowsToken(j *judged) bool {
	token := p.token()
	return token != "" && (token == j.deposit.CallbackToken || token == j.query.Token)
}

// at is when the arrival came, to the microsecond.
func (p *arrival) at(now time.Time) time.Time {
	if p.Delivery.ReceivedAt.IsZero() {
		return fromMicros(micros(now))
	}
	return fromMicros(micros(p.Delivery.ReceivedAt))
}

// subject is what the arrival is about.
func (p *arrival) subject(t *tx, j *judged) int64 {
	if found := j.subject(); found != 0 {
		return found
	}
	if p.named == 0 {
		p.named = t.db.namedSubject(p.Delivery, p.event())
	}
	return p.named
}

// dedup hashes the arrival's meaning. What counts is known by its event and what
// that is about; what does not count only by its bytes, so that a forgery
// cannot make the true event look like a repetition.
func (p *arrival) dedup(t *tx, j *judged) int64 {
	if e := p.event(); e != nil && e.Key != "" && j.counts() {
		return t.sameEvent(p.Delivery.Provider, meaning(e), j.deposit.seq, j.query.seq)
	}
	if p.byBody == 0 {
		p.byBody = t.db.hashBody(tagBody, p.Delivery.Body)
	}
	return p.byBody
}

// meaning is the key of an event, with what an event that a secret proves must
// not share with another: the environment whose secret it was, or who knows the
// local one could have the true event taken for a repetition, and the receipt,
// or a second payment would pass for the first.
func meaning(e *payment.Event) string {
	if e.Environment == "" {
		return e.Key
	}
	key := e.Key + "\n" + string(e.Environment)
	if e.Status == payment.StatusCompleted && e.Receipt != "" {
		key += "\n" + e.Receipt
	}
	return key
}

func (t *tx) sameEvent(provider payment.ProviderID, key string, deposit, query int64) int64 {
	var about [16]byte
	binary.BigEndian.PutUint64(about[:8], uint64(deposit))
	binary.BigEndian.PutUint64(about[8:], uint64(query))
	return t.db.hash64(tagEvent, string(provider), key, string(about[:]))
}

// errRepeated says that the ledger has a delivery of the same meaning.
var errRepeated = errors.New("the same has been recorded before")

// insert writes the delivery, as a repetition of first if that is not 0. It
// returns errRepeated, and has written nothing, if it ought to be a repetition.
func (p *arrival) insert(ctx context.Context, t *tx, j *judged, first int64) (int64, error) {
	k := kind{provider: p.Delivery.Provider, route: p.Delivery.Route, verdict: j.verdict, duplicate: first != 0}
	row := &t.delivery
	*row = deliveryRow{
		receivedAt: p.at(t.now), subject: p.subject(t, j), deposit: j.deposit.seq, query: j.query.seq, duplicateOf: first,
		move: p.out.Move, size: int64(len(p.Delivery.Body)), peer: p.Delivery.Peer, reason: p.out.Reason, detail: p.detail,
		header: p.header, body: p.Delivery.Body,
	}
	if p.Inspection.Event != nil {
		row.event = *p.Inspection.Event
		k.event, k.status = row.event.Name, row.event.Status
		if isWallet(&row.event) {
			row.wallet = row.event.ShortCode
		}
		if row.deposit == 0 {
			row.phone = phoneKey(row.event.Phone)
		}
	}
	var err error
	if row.kind, err = t.dict.kind(ctx, k); err != nil {
		return 0, err
	}
	if first == 0 {
		row.dedup = sql.NullInt64{Int64: p.dedup(t, j), Valid: true}
	}
	switch p.Delivery.Token {
	case "":
	case j.deposit.CallbackToken:
		row.token.Valid = true
	default:
		row.token = sql.NullString{String: p.Delivery.Token, Valid: true}
	}
	if j.orphan {
		row.orphan = sql.NullString{String: row.event.Key, Valid: true}
	}
	if e := p.Inspection.Event; e != nil && e.Phone != "" && (j.orphan || j.deposit.Adopted || j.deposit.seq == 0) {
		// An adopted deposit may lack it; see fromUnproved and orphans.
		det := p.details()
		det.Phone = e.Phone
		if row.detail, err = det.encode(); err != nil {
			return 0, err
		}
	}
	if p.Delivery.Method != http.MethodPost {
		row.method = p.Delivery.Method
	}
	seq, n, err := t.db.tables.deliveries.add(ctx, t, row)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, errRepeated
	}
	t.countDelivery(k, row.kind, micros(row.receivedAt), 1, row.size+int64(len(p.header)))
	return seq, nil
}

// countDelivery counts a delivery that was stored.
func (t *tx) countDelivery(k kind, id, at, n, bytes int64) {
	add(t.tally.daily, dailyCell{day: dayOf(at), kind: id}, n, bytes)
	if n > 0 && k.junk() {
		t.junk.n += n
		t.junk.sum += bytes
	}
}

func nullKey(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

func nullText(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
