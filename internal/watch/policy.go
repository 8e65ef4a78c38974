package watch

import (
	"fmt"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Via says which ways of learning an outcome a watch may use beside the
// ledger, which is always looked at.
type Via string

// The ways.
const (
	// ViaAuto streams where the provider can and polls: seldom while the stream is
	// up, on the full schedule while it is down or there is none.
	ViaAuto Via = "auto"
	// ViaStream streams, and asks only to close the gap after a (re)connect.
	ViaStream Via = "stream"
	// ViaPoll asks on a schedule.
	ViaPoll Via = "poll"
	// ViaCallback asks nobody: only what the listener stores decides.
	ViaCallback Via = "callback"
)

// ParseVia reads a --via value; "" is ViaAuto. Anything unknown is KindUsage.
func ParseVia(text string) (Via, error) {
	switch v := Via(text); v {
	case ViaAuto, ViaStream, ViaPoll, ViaCallback:
		return v, nil
	case "":
		return ViaAuto, nil
	default:
		return "", payment.Usage(fmt.Sprintf("via: %.20q is not a way to follow a deposit", text), "use auto, stream, poll or callback")
	}
}

// Check refuses a way of following that a provider does not have: KindUsage. d
// and s are nil where it cannot.
func (v Via) Check(d payment.Depositor, s payment.Streamer) error {
	switch {
	case v == ViaStream && s == nil:
		return payment.Usage("via: this provider has no stream", "use --via auto, poll or callback")
	case v == ViaPoll && d == nil:
		return payment.Usage("via: this provider cannot be asked", "use --via auto or callback")
	}
	return nil
}

// The defaults of a Policy.
const (
	// Deadline is the customer's 2 minutes and 10 seconds of grace
	// (reference/wasaapay.md §13).
	Deadline = payment.PromptLifetime + 10*time.Second

	defaultAskTimeout = 20 * time.Second
	defaultLastWait   = 30 * time.Second
)

// Policy is how patiently and by which ways deposits of one provider are
// followed. Zero fields get defaults. A deposit that a question settled as failed is
// followed no longer than ReceiptWait and 2 s, since the callback may say otherwise;
// ReceiptWait counts only under ViaAuto.
type Policy struct {
	// Via is ViaAuto when empty.
	Via Via
	// Deadline is how long a watch lasts before its last query; 130 s by default.
	Deadline time.Duration
	// Strict makes Deadline, which somebody chose, the end of the last queries
	// too: they begin before it. Deposits are looked at until then.
	Strict bool
	payment.Schedule
	// AskTimeout bounds one question; 20 s by default.
	AskTimeout time.Duration
	// LastWait bounds all last queries together, waits for the budget included;
	// 30 s by default, and at most a quarter of a Strict deadline.
	LastWait time.Duration
}

// PolicyOf follows a provider's deposits on its schedule, with the defaults.
func PolicyOf(s payment.Schedule) Policy { return Policy{Schedule: s}.withDefaults() }

func (p Policy) withDefaults() Policy {
	if p.Via == "" {
		p.Via = ViaAuto
	}
	if p.Deadline <= 0 {
		p.Deadline = Deadline
	}
	if len(p.Gaps) == 0 {
		p.Gaps = []time.Duration{2 * time.Second, 3 * time.Second, 4500 * time.Millisecond, 6750 * time.Millisecond, 10 * time.Second}
	}
	if p.AskTimeout <= 0 {
		p.AskTimeout = defaultAskTimeout
	}
	if p.LastWait <= 0 {
		p.LastWait = defaultLastWait
	}
	return p
}

// ends returns when the last queries begin, and when they are over at the latest.
func (p Policy) ends() (last, end time.Duration) {
	if p.Strict {
		return p.Deadline - min(p.LastWait, p.Deadline/4), p.Deadline
	}
	return p.Deadline, p.Deadline + p.LastWait
}

// gap returns the wait before question n, counted from 0.
func (p Policy) gap(n int) time.Duration { return p.Gaps[min(n, len(p.Gaps)-1)] }
