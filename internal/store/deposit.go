package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// mostText bounds any single text of a deposit or query.
const mostText = 4096

// Create records an intent before anything is sent, with status CREATED.
// The ledger gives ID, CreatedAt and UpdatedAt, and a CallbackToken and an
// IdempotencyKey where there is none. A deposit of the same provider,
// environment and idempotency key is returned instead, with existed true; it is
// a KindConflict error that names what differs if it is not the same request
// (money rule 6). ShortCode and Wallet count once it was sent: until then they
// may still be corrected, and ClaimSend takes the new ones.
//
// A deposit that was asked for before (payment.Deposit.AskedBefore) is refused:
// KindConflict, and nothing is recorded. Repeats, if set to anything, says that asking
// again is meant; the ledger sets it to the deposit that is repeated, "" for none.
func (h *Deposits) Create(ctx context.Context, d payment.Deposit) (out payment.Deposit, existed bool, err error) {
	if err := checkDeposit(d); err != nil {
		return payment.Deposit{}, false, err
	}
	for _, text := range []*string{&d.Reference, &d.Description, &d.IdempotencyKey, &d.ShortCode, &d.Wallet} {
		*text = clean(*text) // as it will be stored, or a repetition would differ
	}
	if d.IdempotencyKey == "" {
		d.IdempotencyKey = payment.NewIdempotencyKey()
	}
	if d.CallbackToken == "" {
		d.CallbackToken = payment.NewToken()
	}
	var got depositRow
	err = h.doForeseen(ctx, "record the deposit", h.foreseeCreate(d), func(ctx context.Context, t *tx) error {
		existed = false
		if fresh, err := t.deposits.fresh(ctx, d); err != nil {
			return err
		} else if fresh {
			got, err = t.deposits.insert(ctx, d)
			return err
		}
		first, err := t.db.depositBy(ctx, t, sqlByIdempotency,
			d.IdempotencyKey, string(d.Provider), string(d.Environment))
		switch {
		case err == nil:
			got, existed = first, true
			return sameDeposit(first.Deposit, d)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		got, err = t.deposits.create(ctx, d)
		return err
	})
	if err != nil {
		return payment.Deposit{}, false, err
	}
	return got.Deposit, existed, nil
}

const sqlByIdempotency = "idempotency_key = ? AND provider = ? AND environment = ?"

func checkDeposit(d payment.Deposit) error {
	switch {
	case d.Provider == "":
		return payment.Usage("provider: the deposit names none", "set --provider")
	case d.Environment == "":
		return payment.Usage("environment: the deposit names none", "choose a profile with --profile")
	case d.Adopted && d.ProviderID != "":
		// Its amount may not be known.
	case !d.Amount.HasValue() || d.Amount.Minor() <= 0:
		return payment.Usage("amount: the deposit asks for nothing", "set --amount to a number greater than 0")
	}
	for _, f := range []struct{ name, value string }{
		{"reference", d.Reference},
		{"description", d.Description},
		{"idempotency-key", d.IdempotencyKey},
		{"wallet", d.Wallet},
		{"shortcode", d.ShortCode},
		{"callback token", d.CallbackToken},
	} {
		if len(f.value) > mostText {
			return payment.Usage(fmt.Sprintf("%s: %d bytes is too long", f.name, len(f.value)), "shorten it")
		}
	}
	return nil
}

func sameDeposit(first, again payment.Deposit) error {
	sent := first.Status != payment.StatusCreated
	var differs []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"amount", first.Amount == again.Amount},
		{"phone", first.Phone == again.Phone},
		{"reference", first.Reference == again.Reference},
		{"description", first.Description == again.Description},
		{"set of --field values", first.FieldsHash == again.FieldsHash},
		{"shortcode", !sent || first.ShortCode == again.ShortCode},
		{"wallet", !sent || first.Wallet == again.Wallet},
	} {
		if !f.same {
			differs = append(differs, f.name)
		}
	}
	if len(differs) == 0 {
		return nil
	}
	return &payment.Error{
		Kind:     payment.KindConflict,
		Provider: again.Provider,
		Message:  fmt.Sprintf("idempotency key %s belongs to deposit %s with another %s", payment.Quote(again.IdempotencyKey, 60), first.ID, strings.Join(differs, " and another ")),
		Hint:     "use a new key for a new payment, or repeat the first request exactly",
	}
}

func (t depositTx) insert(ctx context.Context, d payment.Deposit) (depositRow, error) {
	now := fromMicros(micros(t.now))
	d.Status, d.DecidedBy, d.Failure, d.Conflict = payment.StatusCreated, "", nil, payment.Conflict{}
	d.Because, d.Reversal, d.ByReference = "", payment.Reversal{}, false
	d.SentAt, d.ExpiresAt = time.Time{}, time.Time{}
	d.CreatedAt, d.UpdatedAt = now, now
	shelf, err := t.dict.shelf(ctx, shelfOf(d))
	if err != nil {
		return depositRow{}, err
	}
	out := depositRow{shelf: shelf, Deposit: d}
	seq, n, err := t.db.tables.deposits.add(ctx, t.tx, &out)
	if err != nil {
		return depositRow{}, err
	}
	if n == 0 { // its key is not there, as was seen just now
		return depositRow{}, payment.Usage("callback token: it belongs to another deposit", "leave it out, and the ledger makes one")
	}
	out.seq, out.ID = seq, t.db.id(depositPrefix, seq)
	t.known.set(out)
	t.tally.deposit(out, 1)
	what := "deposit create"
	if d.Adopted {
		what = "deposit adopt"
	}
	return out, t.act(ctx, what, out.ID, "")
}

// Apply moves a deposit by what a source says of it, as payment.Decide
// has it, and returns the deposit as it stands afterwards. When the claim brings
// the provider's id, callbacks that came before it are judged again: the
// returned deposit may then be further on than the returned move says.
func (h *Deposits) Apply(ctx context.Context, id string, c payment.Claim) (payment.Deposit, payment.Move, error) {
	return h.applied(ctx, id, c, "")
}

// applied is Apply; recovered, if set, says where an answer was until now.
func (h *Deposits) applied(ctx context.Context, id string, c payment.Claim, recovered string) (payment.Deposit, payment.Move, error) {
	var got depositRow
	var move payment.Move
	err := h.change(ctx, "apply the claim", id, func(ctx context.Context, t *tx, d depositRow) error {
		claim := c
		if claim.At.IsZero() {
			claim.At = t.now
		}
		claim.At = fromMicros(micros(claim.At))
		var err error
		got, move, err = t.deposits.apply(ctx, d, claim)
		if err == nil && recovered != "" {
			err = t.command(ctx, d.ID, recovered)
		} else if err == nil {
			err = t.deposits.actOn(ctx, d, got, claim)
		}
		if err != nil || d.ProviderID != "" || got.ProviderID == "" {
			return err
		}
		got, err = t.orphans.judge(ctx, got)
		return err
	})
	return got.Deposit, move, err
}

// actOn writes down that a command has moved a deposit: by the operator's word, or by
// having asked. What the answer to sending it says is part of sending.
func (t depositTx) actOn(ctx context.Context, before, after depositRow, c payment.Claim) error {
	switch {
	case c.By == payment.SourceOperator:
		return t.act(ctx, "deposit resolve --as "+strings.ToLower(string(c.Status)), after.ID, c.Because)
	case c.By == payment.SourceAnswer || depositEqual(before.Deposit, after.Deposit):
		return nil
	case c.Dispute != "":
		return t.command(ctx, after.ID, c.Dispute)
	}
	return t.command(ctx, after.ID, "the "+string(c.By)+" says "+string(c.Status))
}

// apply moves a deposit by a claim that no delivery makes as it comes, and
// writes its history.
func (t depositTx) apply(ctx context.Context, d depositRow, c payment.Claim) (depositRow, payment.Move, error) {
	after := d
	var move payment.Move
	c, err := t.fromUnproved(ctx, d, c)
	if err == nil {
		err = t.ahead.more(ctx, func(f *foresight) { t.foreseeClaim(f, d, c) })
	}
	if err != nil {
		return d, move, err
	}
	after.Deposit, move = d.Apply(c)
	moved, err := t.saveMove(ctx, d, after, c)
	if err == nil && d.Receipt == "" && moved.Receipt != "" {
		moved, err = t.soleReceipt(ctx, moved, c.At)
	}
	if err != nil || depositEqual(d.Deposit, moved.Deposit) {
		return moved, move, err
	}
	n := note{deposit: d.seq, at: c.At, source: c.By, status: c.Status, move: move}
	if move == payment.MoveConflict || move == payment.MoveOverrule {
		n.note = after.Conflict.Reason
	} else if c.Because != "" {
		n.note = c.Because
	}
	return moved, move, t.note(ctx, n)
}

// saveMove writes what payment.Deposit.Apply changed. A contradiction that is
// recorded already is no change.
func (t depositTx) saveMove(ctx context.Context, before, after depositRow, c payment.Claim) (depositRow, error) {
	quiet := after.Deposit
	quiet.UpdatedAt = before.UpdatedAt
	if depositEqual(before.Deposit, quiet) {
		marked := before
		marked.calledBack = after.calledBack
		if marked.calledBack == before.calledBack {
			return before, nil
		}
		return marked, t.save(ctx, before, marked) // news to the statistics alone
	}
	if after.UpdatedAt.Equal(before.UpdatedAt) {
		after.UpdatedAt = c.At
	}
	if err := t.save(ctx, before, after); err != nil {
		return after, err
	}
	return t.sole(ctx, before, after, c)
}

// depositEqual compares deposits by value; Failure is the only pointer.
func depositEqual(a, b payment.Deposit) bool {
	if (a.Failure == nil) != (b.Failure == nil) || a.Failure != nil && *a.Failure != *b.Failure {
		return false
	}
	a.Failure, b.Failure = nil, nil
	return a == b
}

// change loads a deposit by its id and runs a transaction on it.
func (h *Deposits) change(ctx context.Context, what, id string, run func(context.Context, *tx, depositRow) error) error {
	return h.changeAs(ctx, what, payment.Deposit{ID: id}, run)
}

// changeAs is change for a deposit of which the caller knows more than its ID.
func (h *Deposits) changeAs(ctx context.Context, what string, as payment.Deposit, run func(context.Context, *tx, depositRow) error) error {
	id := as.ID
	seq, ok := h.key(depositPrefix, id)
	if !ok {
		return noSuch("deposit", id)
	}
	return h.doForeseen(ctx, what, h.foreseeChange(seq, as), func(ctx context.Context, t *tx) error {
		d, err := t.db.depositBy(ctx, t, "seq = ?", seq)
		if errors.Is(err, sql.ErrNoRows) {
			return noSuch("deposit", id)
		}
		if err != nil {
			return err
		}
		return run(ctx, t, d)
	})
}
