package deposit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// errKilled is what a step ends with whose process was killed.
var errKilled = errors.New("killed")

// paid is one payment of the machine: what was asked, and what is true of it.
type paid struct {
	key       string
	reference string
	phone     payment.Phone
	prompts   int
	checkout  string         // the provider's id of the prompt
	truth     payment.Status // what the customer did; "" while undecided
	receipt   string
	proofs    map[payment.Status]bool // what a believed source has said
	orphan    payment.Status          // what a signed event says that waits for the id
	settled   bool                    // this step ended a doubt
	last      payment.Deposit
}

// machine drives the real ledger with random steps and checks it against what it knows.
type machine struct {
	t *testing.T
	// wasaapay makes the provider one that honours keys and signs what it sends; else it
	// is Daraja, whose callbacks a token proves.
	wasaapay bool
	r        *rand.Rand
	seed     uint64
	step     int
	trail    []string
	path     string
	s        *store.Store
	now      time.Time
	all      []*paid
	count    map[string]int
}

func (m *machine) failf(format string, args ...any) {
	m.t.Helper()
	from := max(0, len(m.trail)-12)
	m.t.Fatalf("seed %d, step %d: %s\nthe last steps: %q", m.seed, m.step, fmt.Sprintf(format, args...), m.trail[from:])
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.failf("%v", err)
	}
}

func (m *machine) open() {
	m.t.Helper()
	s, err := store.Open(m.t.Context(), store.Options{Path: m.path, Now: func() time.Time { return m.now }})
	m.must(err)
	m.s = s
}

func (m *machine) ask(p *paid) {
	intent := payment.Deposit{
		Provider: m.provider(), Environment: payment.Sandbox, Reference: p.reference, IdempotencyKey: p.key,
		Status: payment.StatusCreated, Amount: payment.AmountOf(15000, payment.KES), Phone: p.phone, ShortCode: m.shortCode(),
	}
	gateway := m.gateway(p)
	ledger := &failing{Deposits: m.s.Deposits}
	moved, restored := m.trouble(gateway, ledger)
	defer restored()
	a := &deposit.Asker{
		Ledger: ledger, Depositor: gateway, Now: func() time.Time { return m.now }, Recovery: m.s.Recovery, Idempotent: m.wasaapay,
	}
	d, killed := func() (d payment.Deposit, killed bool) {
		defer func() {
			if r := recover(); r != nil {
				if r != errKilled { //nolint:errorlint // it is the panic's value itself
					panic(r)
				}
				killed = true
			}
		}()
		d, _, _ = a.Ask(m.t.Context(), intent)
		return d, false
	}()
	restored()
	switch {
	case killed:
		m.count["kills"]++
	case d.ID != "":
		if !moved || d.Status != payment.StatusUnknown { // what a moved file took may come back with it
			m.printed(d)
		}
		m.kept(gateway, d)
	}
}

func (m *machine) provider() payment.ProviderID {
	if m.wasaapay {
		return payment.WasaaPay
	}
	return payment.Daraja
}

func (m *machine) shortCode() string {
	if m.wasaapay {
		return ""
	}
	return "174379"
}

func (m *machine) event(p *paid) payment.Event {
	e := payment.Event{
		Provider: m.provider(), Name: "stk.completed", Key: "stk:" + p.checkout + ":0", ProviderID: p.checkout,
		MerchantRequestID: "mr-" + p.key, Receipt: p.receipt, Status: payment.StatusCompleted,
		Amount: payment.AmountOf(15000, payment.KES), ShortCode: m.shortCode(), OccurredAt: m.now,
	}
	if m.wasaapay {
		e.Environment, e.Reference, e.Phone, e.MerchantRequestID = payment.Sandbox, p.reference, p.phone.MSISDN(), ""
	}
	if p.truth == payment.StatusFailed {
		e.Name, e.Key, e.Status, e.Amount = "stk.failed", "stk:"+p.checkout+":1032", payment.StatusFailed, payment.Amount{}
		if m.wasaapay { // which tells the amount of a failure as well
			e.Amount = payment.AmountOf(15000, payment.KES)
		}
		e.Failure = &payment.Failure{Code: "1032", Reason: "cancelled"}
	}
	return e
}

func (m *machine) record(e payment.Event, token string) store.Recorded {
	verdict, route := payment.VerdictUnsigned, "/callbacks/daraja/stk"
	if m.wasaapay {
		verdict, route = payment.VerdictValid, "/callbacks/wasaapay"
	}
	return m.recordAs(e, token, verdict, route)
}

func (m *machine) recordAs(e payment.Event, token string, verdict payment.Verdict, route string) store.Recorded {
	rec, err := m.s.Deliveries.Record(m.t.Context(), store.Arrival{
		Delivery: payment.Delivery{
			Provider: m.provider(), Route: route, Method: http.MethodPost, Token: token,
			Header: http.Header{"Content-Type": {"application/json"}}, Peer: "196.201.214.200", ReceivedAt: m.now,
			Body: fmt.Appendf(nil, "%s %s %d %s", e.Key, e.Receipt, e.Amount.Minor(), token),
		},
		Inspection: payment.Inspection{Verdict: verdict, Event: &e},
	})
	m.must(err)
	return rec
}

// callback delivers the truth, with the token of the deposit.
func (m *machine) callback(p *paid) {
	d, err := m.find(p)
	if err != nil || p.truth == "" {
		return
	}
	token := d.CallbackToken
	if m.wasaapay {
		token = ""
	}
	switch rec := m.record(m.event(p), token); {
	case rec.Duplicate: // the operator knew of the first
	case rec.DepositID == "":
		p.orphan = p.truth
	default:
		p.proofs[p.truth] = true
	}
	m.count["callbacks"]++
}

// forged delivers a success that nothing proves: it must move nothing.
func (m *machine) forged(p *paid) {
	if p.checkout == "" {
		return
	}
	e := m.event(p)
	e.Status, e.Name, e.Receipt, e.Failure = payment.StatusCompleted, "stk.completed", "FORGED0001", nil
	e.Key, e.Amount = "stk:"+p.checkout+":0", payment.AmountOf(1, payment.KES)
	if m.wasaapay {
		m.recordAs(e, "", payment.VerdictMismatch, "/callbacks/wasaapay")
	} else {
		m.record(e, "")
	}
	m.count["forgeries"]++
}

// find is the ledger's deposit. An event that waited for its id is proof as soon as the
// deposit has one, whichever step brought that.
func (m *machine) find(p *paid) (payment.Deposit, error) {
	list, err := m.s.Deposits.Find(m.t.Context(), p.reference)
	if err != nil && payment.KindOf(err) != payment.KindNotFound {
		m.must(err)
	}
	for _, d := range list {
		if d.IdempotencyKey == p.key {
			if p.orphan != "" && d.ProviderID != "" {
				p.proofs[p.orphan], p.orphan = true, ""
			}
			return d, nil
		}
	}
	return payment.Deposit{}, payment.NotFound("no such deposit", "")
}

// resolve asks the provider, which may be mistaken, and the operator.
func (m *machine) resolve(p *paid) {
	d, err := m.find(p)
	if err != nil {
		return
	}
	var answer payment.Answer
	from := deposit.Sources{Ask: func(context.Context, payment.Deposit) (payment.Answer, error) {
		answer = payment.Answer{Status: payment.StatusPending, ProviderID: p.checkout}
		switch {
		case m.r.IntN(5) == 0:
			return payment.Answer{}, errors.New("no answer")
		case m.r.IntN(8) == 0:
			answer.Status, answer.Failure = payment.StatusFailed, &payment.Failure{Code: "1037", Reason: "no response"}
		case p.truth != "":
			answer.Status = p.truth
			if p.truth == payment.StatusFailed {
				answer.Failure = &payment.Failure{Code: "1032", Reason: "cancelled"}
			}
		}
		return answer, nil
	}}
	from.AnswerDecides = m.wasaapay
	got, err := deposit.Resolve(m.t.Context(), m.s.Deposits, from, d, func() time.Time { return m.now })
	m.must(err)
	if answer.Status.Final() {
		p.proofs[answer.Status] = true
		if !d.Conflict.IsZero() && got.Conflict.IsZero() {
			p.settle(answer.Status)
		}
	}
	m.printed(got.Deposit)
	m.count["queries"]++
}

func (m *machine) word(p *paid) {
	d, err := m.find(p)
	if err != nil || d.Status == payment.StatusCreated {
		return
	}
	as := payment.StatusFailed
	if m.r.IntN(2) == 0 {
		as = payment.StatusCompleted
	}
	got, err := deposit.Word(m.t.Context(), m.s.Deposits, d, as, "", "seen in the portal", m.now)
	m.must(err)
	if p.proofs[as] = true; got.Conflict.IsZero() {
		p.settle(as)
	}
	m.printed(got.Deposit)
	m.count["words"]++
}

// settle has a word that ends every doubt take the place of what was said before.
func (p *paid) settle(as payment.Status) {
	p.proofs, p.settled = map[payment.Status]bool{as: true}, true
}

// restore puts a backup of this moment in the ledger's place.
func (m *machine) restore() {
	file := filepath.Join(filepath.Dir(m.path), fmt.Sprintf("copy-%d.db", m.step))
	m.must(m.s.Backup(m.t.Context(), file))
	m.must(m.s.Close())
	kept, err := store.Restore(m.t.Context(), file, m.path, func() time.Time { return m.now })
	m.must(err)
	m.must(errors.Join(os.Remove(file), os.Remove(kept)))
	m.open()
	m.count["restores"]++
}

func (m *machine) one() {
	m.step++
	m.now = m.now.Add(time.Duration(m.r.IntN(90)) * time.Second)
	var p *paid
	if n := len(m.all); n == 0 || m.r.IntN(6) == 0 {
		p = m.intent()
	} else { // mostly of the last few
		p = m.all[n-1-m.r.IntN(min(n, 12))]
	}
	do := func(what string, run func()) {
		m.trail = append(m.trail, what+" "+p.key)
		run()
	}
	switch n := m.r.IntN(1000); {
	case n < 330:
		do("ask", func() { m.ask(p) })
	case n < 420:
		do("decide", func() { m.decide(p) })
	case n < 650:
		do("callback", func() { m.callback(p) })
	case n < 730:
		do("forged", func() { m.forged(p) })
	case n < 920:
		do("resolve", func() { m.resolve(p) })
	case n < 960:
		do("word", func() { m.word(p) })
	case n < 990:
		do("take in", func() { _, err := m.s.Recovery.TakeIn(m.t.Context()); m.must(err) })
	case n < 998:
		do("start again", func() { m.must(m.s.Close()); m.open() })
	default:
		do("restore", m.restore)
	}
	m.check(p)
}

func (m *machine) intent() *paid {
	n := len(m.all)
	phone, err := payment.ParsePhone(fmt.Sprintf("0722%06d", n%1_000_000))
	m.must(err)
	p := &paid{key: fmt.Sprintf("key-%d", n), reference: fmt.Sprintf("R-%d", n), phone: phone, proofs: map[payment.Status]bool{}}
	m.all = append(m.all, p)
	return p
}

// TestStateMachine runs random sequences of intents, kills, answers, callbacks,
// duplicates, forgeries, queries, words, restarts and restores against the real ledger,
// and holds after each step: at most one prompt for an intent, no settled deposit without
// proof, no proof without effect or visible doubt, final states never undone without a
// word, and printed = stored. PAYCTL_TORTURE makes it a million steps; PAYCTL_TORTURE_SEED
// repeats one run. Every second ledger is one of WasaaPay's deposits.
func TestStateMachine(t *testing.T) {
	t.Parallel()
	steps, seed := 3000, uint64(time.Now().UnixNano())
	if os.Getenv("PAYCTL_TORTURE") != "" {
		steps = 1_000_000
	}
	if text := os.Getenv("PAYCTL_TORTURE_STEPS"); text != "" {
		_, _ = fmt.Sscan(text, &steps)
	}
	if text := os.Getenv("PAYCTL_TORTURE_SEED"); text != "" {
		_, _ = fmt.Sscan(text, &seed)
	}
	start := time.Now()
	count := map[string]int{}
	each := max(steps/200, 2000) // of one ledger
	for done := 0; done < steps; done += each {
		path := filepath.Join(t.TempDir(), "ledger.db")
		// In a bubble, where waiting for a ledger takes no time.
		synctest.Test(t, func(t *testing.T) {
			m := &machine{
				t: t, r: rand.New(rand.NewPCG(seed, 1)), seed: seed, count: count, wasaapay: seed%2 == 1,
				path: path, now: time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC),
			}
			m.run(min(each, steps-done))
		})
		seed++
	}
	t.Logf("%d steps in %s, %v", steps, time.Since(start).Round(time.Millisecond), count)
}

// run takes steps, and looks at the whole ledger at the end.
func (m *machine) run(steps int) {
	m.open()
	defer func() { _ = m.s.Close() }() // also where the test has failed
	for range steps {
		m.one()
	}
	_, err := m.s.Recovery.TakeIn(m.t.Context())
	m.must(err)
	for _, p := range m.all {
		m.check(p)
		m.count["prompts"] += p.prompts
	}
	problems, err := m.s.Check(m.t.Context())
	m.must(err)
	if len(problems) > 0 {
		m.failf("the ledger: %q", problems)
	}
	m.count["intents"] += len(m.all)
	m.must(m.s.Close())
}
