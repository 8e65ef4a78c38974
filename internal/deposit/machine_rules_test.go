package deposit_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// failing is the ledger of a process that cannot write for some calls.
type failing struct {
	*store.Deposits
	// left is how many calls fail yet, with err.
	left int
	err  error
}

func (f *failing) failed() error {
	if f.left <= 0 {
		return nil
	}
	f.left--
	return f.err
}

func (f *failing) ClaimSend(ctx context.Context, as payment.Deposit) (payment.Deposit, bool, error) {
	if err := f.failed(); err != nil {
		return payment.Deposit{}, false, err
	}
	return f.Deposits.ClaimSend(ctx, as)
}

func (f *failing) Apply(ctx context.Context, id string, c payment.Claim) (payment.Deposit, payment.Move, error) {
	if err := f.failed(); err != nil {
		return payment.Deposit{}, payment.MoveNone, err
	}
	return f.Deposits.Apply(ctx, id, c)
}

func (f *failing) ReleaseSend(ctx context.Context, id string, why *payment.Failure) (payment.Deposit, error) {
	if err := f.failed(); err != nil {
		return payment.Deposit{}, err
	}
	return f.Deposits.ReleaseSend(ctx, id, why)
}

// trouble has the ledger be locked, full or moved away now and then: before the request
// leaves, or while it is under way, for a while or for longer than anybody waits. The
// returned function ends it.
func (m *machine) trouble(g *depositor, ledger *failing) (moved bool, end func()) {
	end = func() {}
	fail := func() {
		ledger.left = 1 + m.r.IntN(30)
		ledger.err = &payment.Error{Kind: payment.KindUnavailable, Message: "the ledger is locked"}
		if m.r.IntN(2) == 0 {
			ledger.err = &payment.Error{Kind: payment.KindInternal, Message: "the disk is full"}
		}
		m.count["failures"]++
	}
	during := g.during
	switch m.r.IntN(12) {
	case 0:
		fail()
	case 1:
		g.during = func() {
			if during != nil {
				during()
			}
			fail()
		}
	case 2:
		moved = true
		away := m.path + ".away"
		g.during = func() {
			if during != nil {
				during()
			}
			m.must(os.Rename(m.path, away))
			m.count["moves"]++
		}
		end = func() {
			if _, err := os.Stat(away); err == nil {
				m.must(os.Rename(away, m.path))
			}
		}
	}
	return moved, end
}

// kept holds that an id which the provider gave is not thrown away: the ledger has it, or
// it waits in a recovery file.
func (m *machine) kept(g *depositor, d payment.Deposit) {
	m.t.Helper()
	if g.answer.ProviderID == "" || g.sent == 0 {
		return
	}
	stored, err := m.s.Deposits.Get(m.t.Context(), d.ID)
	m.must(err)
	if stored.ProviderID == "" && m.s.Recovery.Waiting() == 0 {
		m.failf("%s: the provider's id is lost: %+v", d.ID, stored)
	}
	if waiting := m.s.Recovery.Waiting(); waiting > 0 {
		m.count["recovery files"]++
	}
}

// printed holds that what a command shows is what the ledger has.
func (m *machine) printed(d payment.Deposit) {
	m.t.Helper()
	stored, err := m.s.Deposits.Get(m.t.Context(), d.ID)
	m.must(err)
	if !reflect.DeepEqual(stored, d) {
		m.failf("printed is not stored:\n%+v\n%+v", d, stored)
	}
}

// check holds one payment against what is known of it.
func (m *machine) check(p *paid) {
	m.t.Helper()
	if p.prompts > 1 {
		m.failf("%s: %d prompts for one intent", p.key, p.prompts)
	}
	d, err := m.find(p)
	if err != nil {
		if p.prompts > 0 {
			m.failf("%s: a prompt that the ledger does not know", p.key)
		}
		return
	}
	before, conflict := p.last, !d.Conflict.IsZero()
	p.last = d
	switch {
	case d.Status.Final() && !p.proofs[d.Status]:
		m.failf("%s is %s without proof, by %s", p.key, d.Status, d.DecidedBy)
	case before.Status.Final() && !d.Status.Final():
		m.failf("%s was %s and is %s", p.key, before.Status, d.Status)
	case before.Status.Final() && before.Status != d.Status && !conflict && !p.settled:
		m.failf("%s was %s and is %s without a word", p.key, before.Status, d.Status)
	case p.prompts > 0 && d.Status == payment.StatusCreated:
		m.failf("%s was prompted and is CREATED", p.key)
	}
	for status := range p.proofs {
		if d.Status != status && !conflict && !m.waits(d.ID) {
			m.failf("%s: proof of %s has no effect: %s by %q", p.key, status, d.Status, d.DecidedBy)
		}
	}
	p.settled = false
}

// waits reports whether an answer about a deposit waits in a recovery file.
func (m *machine) waits(id string) bool {
	found, err := filepath.Glob(filepath.Join(m.s.Recovery.Dir(), id+"-*"))
	m.must(err)
	return len(found) > 0
}
