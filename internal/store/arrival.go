package store

import (
	"context"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Arrival is a delivery that is to be recorded.
type Arrival struct {
	// Delivery is what arrived; its ID is not read.
	Delivery   payment.Delivery
	Inspection payment.Inspection
	// Distrust, if set, makes a delivery untrusted that would otherwise be
	// believed, and says why: the peer's address, say.
	Distrust string
	// Targets are URLs to which the delivery is to be forwarded.
	Targets []string
	// Stranger says that it came without the secret of the installation. It is
	// then forwarded only if it counts, or carries the token of what it is about.
	Stranger bool
	// ForwardUntrusted forwards also what is not believed.
	ForwardUntrusted bool
	// Within, if set, bounds the wait for the commit.
	Within time.Duration
}

// Recorded is what became of an arrival.
type Recorded struct {
	DeliveryID string
	// Duplicate says that the same event counted before, or that a delivery that
	// does not count came with the same bytes; DuplicateOf is that delivery.
	Duplicate   bool
	DuplicateOf string
	// DepositID is the deposit that the delivery is about, "" if the ledger has none.
	DepositID string
	// QueryID is the query whose result it is, or "".
	QueryID string
	// Move is what the delivery did to its deposit.
	Move payment.Move
	// Verdict is the inspection's, or untrusted where the ledger knows better.
	Verdict payment.Verdict
	// Reason says why a delivery is not believed, or what it contradicts.
	Reason string
	// Withheld says that it is not forwarded: it is not believed, and not merely unknown.
	Withheld bool
	// Status is the deposit's afterwards, "" if there is none.
	Status payment.Status
}

// Record commits a delivery, the event it carries and what that does to its
// deposit or query, all at once. Callers that come together share one commit.
// It returns when the delivery is on the disk; after any error it is not, or
// must be taken not to be. When ctx ends before the delivery's turn, it is not
// recorded and the error is ctx's; once its commit has begun, that is awaited. The
// same goes for the end of a.Within, with context.DeadlineExceeded, but a commit is
// then awaited for half as long again only: what hangs even then may be recorded after
// all. A sender who hangs up is no reason to end ctx.
func (h *Deliveries) Record(ctx context.Context, a Arrival) (Recorded, error) {
	p, err := h.prepare(a)
	if err != nil {
		return Recorded{}, err
	}
	j := &job{run: p.record, arrival: p, size: len(a.Delivery.Body) + len(p.header), within: a.Within, done: make(chan struct{})}
	if err := h.await(ctx, "record the delivery", j); err != nil {
		return Recorded{}, err
	}
	return p.out, nil
}

// Waiting returns how many writes wait to be committed.
func (s *Store) Waiting() int { return len(s.writer.queue) }

// arrival is an Arrival made ready outside the writer.
type arrival struct {
	Arrival
	header string
	detail string
	// named is its subject as long as nothing is found for it; 0 until it is needed.
	named int64
	// byBody is the hash of the body, made when it is first needed.
	byBody int64
	out    Recorded
}

// mostKey bounds the texts of an event that are stored in columns of their own;
// what is longer is not an id of any provider. The body has it all.
const mostKey = 256

func (db *database) prepare(a Arrival) (*arrival, error) {
	if a.Delivery.Provider == "" {
		return nil, payment.Usage("provider: the delivery names none", "set it from the route")
	}
	p := &arrival{Arrival: a, header: encodeHeader(a.Delivery.Header)}
	if p.Inspection.Verdict == "" {
		p.Inspection.Verdict = payment.VerdictMalformed
	}
	if e := p.Inspection.Event; e != nil {
		bounded := *e
		for _, text := range []*string{
			&bounded.ProviderID, &bounded.MerchantRequestID, &bounded.ConversationID,
			&bounded.OriginatorConversationID, &bounded.Reference, &bounded.Receipt, &bounded.ShortCode,
		} {
			if *text = clean(*text); len(*text) > mostKey {
				*text = strings.ToValidUTF8((*text)[:mostKey], "")
			}
		}
		p.Inspection.Event = &bounded
	}
	if p.token() == "" { // who has a token is found by it, most likely
		p.named = db.namedSubject(a.Delivery, p.event())
	}
	var err error
	p.detail, err = p.details().encode()
	return p, err
}

func (p *arrival) details() detail {
	d := detail{Matched: p.Inspection.Matched}
	if e := p.Inspection.Event; e != nil {
		d.MerchantRequestID, d.OriginatorConversationID = e.MerchantRequestID, e.OriginatorConversationID
		d.ShortCode, d.Failure, d.Notes, d.Environment = e.ShortCode, e.Failure, e.Notes, e.Environment
	}
	return d
}

// event is the event if it may be believed as far as the inspection goes.
func (p *arrival) event() *payment.Event {
	switch p.Inspection.Verdict {
	case payment.VerdictValid, payment.VerdictUnsigned:
		return p.Inspection.Event
	case payment.VerdictMismatch, payment.VerdictMalformed, payment.VerdictUntrusted, payment.VerdictStray:
	}
	return nil
}

func isTimeout(e *payment.Event) bool { return strings.HasSuffix(e.Name, ".timeout") }

// isWallet tells the events about one transaction of a wallet.
func isWallet(e *payment.Event) bool {
	return strings.HasPrefix(e.Name, "wallet.") && e.ProviderID != ""
}

// c2bRoutes is what the routes of C2B events begin with. Nothing but the secret
// of its route vouches for one.
const c2bRoutes = "/callbacks/daraja/c2b/"
