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
// followed. Zero fields get defaults.
type Policy struct {
	// Via is ViaAuto when empty.
	Via Via
	// Deadline is how long a watch lasts before its last query; 130 s by default.
	Deadline time.Duration
	// Strict makes Deadline, which somebody chose, the end of the last queries
	// too: they begin before it. Deposits are looked at until then.
	Strict bool
	// Gaps are the waits before each question; the last one repeats. The first
	// counts from when the request was sent, so that a deposit sent long ago is
	// asked about at once.
	Gaps []time.Duration
	// PerSlot is the interval that one question takes of the rate budget, which
	// all processes share; 0 means no limit of our own.
	PerSlot time.Duration
	// BudgetKey names the budget; the limits are per app, not per deposit.
	BudgetKey string
	// AskTimeout bounds one question; 20 s by default.
	AskTimeout time.Duration
	// LastWait bounds all last queries together, waits for the budget included;
	// 30 s by default, and at most a quarter of a Strict deadline.
	LastWait time.Duration
	// ReceiptWait is how long a deposit that a question settled as paid is still
	// followed for the callback, which alone brings the receipt. One that it
	// settled as failed is followed no longer than that and 2 s, since the
	// callback may say otherwise. Only under ViaAuto.
	ReceiptWait time.Duration
	// Settle says that a recorded contradiction is settled by asking the
	// provider (reference/wasaapay.md §11.6).
	Settle bool
}

// DarajaPolicy follows STK pushes: reference/daraja.md §5 gives the schedule
// (first at 10 to 15 s, then 15, 20, 30 s) and the sandbox's limit of one query
// in 12 s. The production limit is unpublished; one a second is a guess that
// Retry-After and backing off correct. The emulator is asked every second.
func DarajaPolicy(env payment.Environment) Policy {
	p := Policy{
		Gaps:        []time.Duration{12 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second},
		PerSlot:     12 * time.Second,
		BudgetKey:   "daraja/query/" + string(env),
		ReceiptWait: 3 * time.Second,
	}
	switch env {
	case payment.Local:
		p.Gaps, p.PerSlot, p.ReceiptWait = []time.Duration{time.Second}, 0, time.Second
	case payment.Production:
		p.PerSlot = time.Second
	case payment.Sandbox:
	}
	return p.withDefaults()
}

// WasaaPayPolicy follows WasaaPay deposits: 2 s, ×1.5 up to 10 s
// (reference/wasaapay.md §13), within 60 questions a minute in the sandbox and
// 120 in production (§3).
func WasaaPayPolicy(env payment.Environment) Policy {
	p := Policy{
		Gaps:      geometric(2*time.Second, 1.5, 10*time.Second),
		PerSlot:   time.Second,
		BudgetKey: "wasaapay/" + string(env),
		Settle:    true,
	}
	switch env {
	case payment.Local:
		p.PerSlot = 0
	case payment.Production:
		p.PerSlot = time.Second / 2
	case payment.Sandbox:
	}
	return p.withDefaults()
}

// geometric returns waits from first, each factor times the one before, up to most.
func geometric(first time.Duration, factor float64, most time.Duration) []time.Duration {
	var gaps []time.Duration
	for gap := first; gap < most; gap = time.Duration(float64(gap) * factor) {
		gaps = append(gaps, gap)
	}
	return append(gaps, most)
}

func (p Policy) withDefaults() Policy {
	if p.Via == "" {
		p.Via = ViaAuto
	}
	if p.Deadline <= 0 {
		p.Deadline = Deadline
	}
	if len(p.Gaps) == 0 {
		p.Gaps = geometric(2*time.Second, 1.5, 10*time.Second)
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
