package deposit

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// Prompter asks about adopted deposits whose callback has come and proves nothing by
// itself (money rule 5): one after the other, for as long as Run runs.
type Prompter struct {
	Ledger ResolveLedger
	// Ask asks the provider in its turn.
	Ask func(ctx context.Context, d payment.Deposit) (payment.Answer, error)
	Now func() time.Time
	// Warn hears why a question came to nothing.
	Warn func(d payment.Deposit, why string)

	ids chan string
}

const (
	// mostPrompts is how many questions may wait; the callbacks beyond them prompt none.
	mostPrompts = 1024
	// promptGrace leaves the question to a command that follows the deposit.
	promptGrace = time.Second
)

// promptGaps are the waits before the questions: the provider may not know yet what its
// callback says.
func promptGaps() []time.Duration {
	return []time.Duration{promptGrace, 5 * time.Second, 15 * time.Second, 30 * time.Second}
}

// NewPrompter returns a Prompter with room for questions.
func NewPrompter(ledger ResolveLedger, ask func(context.Context, payment.Deposit) (payment.Answer, error), now func() time.Time, warn func(payment.Deposit, string)) *Prompter {
	return &Prompter{Ledger: ledger, Ask: ask, Now: now, Warn: warn, ids: make(chan string, mostPrompts)}
}

// Prompt has a deposit asked about. It never waits.
func (p *Prompter) Prompt(id string) {
	select {
	case p.ids <- id:
	default:
	}
}

// Run asks until ctx ends.
func (p *Prompter) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-p.ids:
			p.ask(ctx, id)
		}
	}
}

// ask asks about one deposit until it is decided.
func (p *Prompter) ask(ctx context.Context, id string) {
	for _, gap := range promptGaps() {
		if timing.Wait(ctx, gap) != nil {
			return
		}
		d, err := p.Ledger.Get(ctx, id)
		if err != nil || d.Status.Final() || d.ProviderID == "" {
			return
		}
		answer, err := p.Ask(ctx, d)
		if err == nil && answer.Status.Final() {
			_, _, err = p.Ledger.Apply(ctx, id, ClaimOf(answer, payment.SourceQuery, p.Now()))
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && payment.KindOf(err) != payment.KindUnavailable:
			p.Warn(d, err.Error())
			return
		case err == nil && answer.Status.Final():
			return
		}
	}
}
