package stats

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// Counts are those of one group.
type Counts struct {
	Completed, Failed, Undecided int64
	// Amount is the money of what was completed, in cents of the report's currency;
	// Reversed what was given back of it.
	Amount, Reversed int64
}

// Asked is how many were asked for.
func (c *Counts) Asked() int64 { return c.Completed + c.Failed + c.Undecided }

// Rate is the share of the decided that was paid; false when none is decided.
func (c *Counts) Rate() (float64, bool) {
	if c.Completed+c.Failed == 0 {
		return 0, false
	}
	return float64(c.Completed) / float64(c.Completed+c.Failed), true
}

func (c *Counts) add(o Counts) {
	c.Completed += o.Completed
	c.Failed += o.Failed
	c.Undecided += o.Undecided
	c.Amount += o.Amount
	c.Reversed += o.Reversed
}

// Group is the counts of one key.
type Group struct {
	Key, Meaning string
	Counts
}

// Reason is why payments failed.
type Reason struct {
	Provider      payment.ProviderID
	Code, Meaning string
	Count         int64
}

// Report is what was counted.
type Report struct {
	Since, Until time.Time
	By           By
	Currency     payment.Currency
	Counts
	// Settle are the times within which half, 95 and 99 of a hundred payments were
	// decided; false while none is.
	P50, P95, P99 time.Duration
	HasSettle     bool
	// Buckets are the payments by the time that they took, the fastest first.
	Buckets    []store.Took
	DecidedBy  map[string]int64
	Reasons    []Reason
	Deliveries Deliveries
	// Verdicts are the deliveries by what was thought of them.
	Verdicts map[payment.Verdict]int64
	Forwards store.Forwarded
	// Wallets are not among the counts: nobody asked for what moved there.
	Wallets []Wallet
	Groups  []Group
	Days    []Group
}

// Deliveries counts what reached the listener, and what did not.
type Deliveries struct {
	Total, Duplicated, Unbelieved int64
	// Late counts deposits whose first callback came when the prompt was over
	// (payment.PromptLifetime), Lost those that the provider took and nobody called back
	// about, whatever decided them. Callbacks are told of that came minutes after a poll
	// (reference/daraja.md §4.3), so that none is lost before the prompt has been over for as
	// long as it lasted.
	Late, Lost int64
}

// Wallet counts the transactions of a provider's wallets that were told of. In and Out
// are the money of what was completed, by direction; Unstated is that of transactions
// which say no direction. All three are cents of Currency.
type Wallet struct {
	Provider                     payment.ProviderID
	Currency                     payment.Currency
	Completed, Failed, Undecided int64
	In, Out, Unstated            int64
}
