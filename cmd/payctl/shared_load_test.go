//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
	signing "github.com/payctl/payctl/internal/wasaapay"
)

// sharedOnly skips a test of a shared ledger where no server is: make test-postgres.
func sharedOnly(t *testing.T) {
	t.Helper()
	if postgrestest.Server() == "" {
		t.Skip("needs a PostgreSQL server: make test-postgres")
	}
}

// atLength reports whether a fault test runs for figures: make torture-postgres.
func atLength() bool { return os.Getenv("PAYCTL_TORTURE") != "" }

// lasting chooses how long something lasts.
func lasting(short, long time.Duration) time.Duration {
	if atLength() {
		return long
	}
	return short
}

// ownServer starts a server of the test's own and makes a ledger in it.
func ownServer(t *testing.T, lines ...string) (*postgrestest.Cluster, string) {
	t.Helper()
	sharedOnly(t)
	c, err := postgrestest.NewCluster(t.Context(), lines...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	place := c.URL("postgres")
	newMachine(t, place).must(0, "ledger", "migrate")
	return c, place
}

// sharedLedger makes a ledger in the server that all tests share.
func sharedLedger(t *testing.T) string {
	t.Helper()
	sharedOnly(t)
	place, remove, err := postgrestest.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := remove(); err != nil {
			t.Error(err)
		}
	})
	return place
}

const (
	webhookSecret = "shared-test-secret"
	seviToken     = "shared-test-token"
)

// newMachine is a machine of its own: its state is nobody else's, the ledger is.
func newMachine(t *testing.T, place string) *shop {
	t.Helper()
	s := newShop(t, "http://127.0.0.1:1", "http://127.0.0.1:1")
	s.env = append(s.env, "PAYCTL_DB="+place, "XDG_STATE_HOME="+filepath.Join(s.dir, "state"), "XDG_CONFIG_HOME="+s.dir,
		"PAYCTL_WASAAPAY_WEBHOOK_SECRET="+webhookSecret, "PAYCTL_SEVI_TOKEN="+seviToken)
	return s
}

// spilled lists the files that wait in a machine's spill directories.
func (s *shop) spilled() []string {
	files, _ := filepath.Glob(filepath.Join(s.dir, "state", "payctl", "*", "spill", "*.spilled*"))
	return files
}

// serving is "payctl listen" on a machine, at one address over all its lives.
type serving struct {
	*shop
	addr string
	args []string
	cmd  *exec.Cmd
	log  *lockedLog
}

// lockedLog is what a process writes to stderr.
type lockedLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// serve starts a listener on a machine and waits until it is ready.
func (s *shop) serve(args ...string) *serving {
	s.t.Helper()
	l := &serving{shop: s, addr: freeAddress(s.t), args: args, log: &lockedLog{}}
	l.start()
	s.t.Cleanup(func() {
		l.signal(syscall.SIGKILL)
		_ = l.cmd.Wait()
		if s.t.Failed() {
			text := l.log.String()
			s.t.Logf("the listener at %s wrote at last:\n%s", l.addr, text[max(0, len(text)-4000):])
		}
	})
	return l
}

// start starts the listener, again perhaps.
func (l *serving) start() {
	l.t.Helper()
	ready := filepath.Join(l.dir, "ready")
	_ = os.Remove(ready)
	l.cmd = exec.CommandContext(context.Background(), "payctl", append([]string{"listen", "--addr", l.addr, "--ready-file", ready, "-q"}, l.args...)...)
	l.cmd.Env, l.cmd.Dir, l.cmd.Stdout, l.cmd.Stderr = l.env, l.dir, io.Discard, l.log
	if err := l.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	waitForFile(l.t, ready)
}

func (l *serving) signal(s syscall.Signal) { _ = l.cmd.Process.Signal(s) }

// die kills the listener with -9.
func (l *serving) die() {
	l.signal(syscall.SIGKILL)
	_ = l.cmd.Wait()
}

// target is an app that deliveries are forwarded to.
type forwardTarget struct {
	*httptest.Server
	mu sync.Mutex
	// got counts what came, by delivery; order has the first of each in order.
	got   map[string]int
	order []string
}

func newForwardTarget(t *testing.T, takes time.Duration) *forwardTarget {
	f := &forwardTarget{got: map[string]int{}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		id := r.Header.Get("X-Payctl-Delivery")
		f.mu.Lock()
		if f.got[id]++; f.got[id] == 1 {
			f.order = append(f.order, id)
		}
		f.mu.Unlock()
		time.Sleep(takes)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(f.Close)
	return f
}

// postings is what providers post to listeners, as a balancer in front of them spreads it.
type postings struct {
	t     *testing.T
	addrs []string
	// secret ends the paths of providers that have no token of their own.
	secret string
	// pushes are Daraja's prompts whose callbacks are still to come.
	pushes  chan push
	client  *http.Client
	running sync.WaitGroup
	stop    chan struct{}
	once    sync.Once

	mu sync.Mutex
	// acknowledged are the events that got a 200, by provider, id and status.
	acknowledged map[string]bool
	sent         atomic.Int64
	refused      map[string]int
	// wrong are answers that nobody may get, slowest the longest wait of Daraja's.
	wrong   map[string]int
	slowest time.Duration
}

// push is a prompt that the ledger has.
type push struct{ id, token, deposit string }

// newPostings readies n deposits whose callbacks Daraja will send.
func newPostings(t *testing.T, place string, n int, listeners ...*serving) *postings {
	t.Helper()
	p := &postings{
		t: t, pushes: make(chan push, n), stop: make(chan struct{}), acknowledged: map[string]bool{}, refused: map[string]int{}, wrong: map[string]int{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}, Timeout: 20 * time.Second},
	}
	for _, l := range listeners {
		p.addrs = append(p.addrs, l.addr)
	}
	ledger := openShared(t, place)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			pushed, err := ask(t.Context(), ledger, i)
			if err != nil {
				t.Error(err)
				return
			}
			p.pushes <- pushed
		})
	}
	wg.Wait()
	t.Cleanup(p.end)
	return p
}

// ask enters a deposit as it stands once the customer has the prompt.
func ask(ctx context.Context, ledger *store.Store, i int) (push, error) {
	phone, err := payment.ParsePhone(fmt.Sprintf("07123%05d", i))
	if err != nil {
		return push{}, err
	}
	d, _, err := ledger.Deposits.Create(ctx, payment.Deposit{
		Provider: payment.Daraja, Environment: payment.Local, Reference: fmt.Sprint("S-", i), IdempotencyKey: fmt.Sprint("shared-", i),
		Amount: payment.AmountOf(15000, payment.KES), Phone: phone, ShortCode: "174379",
	})
	if err != nil {
		return push{}, err
	}
	if d, _, err = ledger.Deposits.ClaimSend(ctx, d); err != nil {
		return push{}, err
	}
	id := fmt.Sprint("ws_CO_shared_", i)
	_, _, err = ledger.Deposits.Apply(ctx, d.ID, payment.Claim{Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: id, MerchantRequestID: fmt.Sprint("m-", i)})
	return push{id, d.CallbackToken, d.ID}, err
}

func openShared(t *testing.T, place string) *store.Store {
	t.Helper()
	ledger, err := store.Open(t.Context(), store.Options{Path: place})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ledger.Close() })
	return ledger
}

// begin has providers post until end is called, each sender one after the other.
func (p *postings) begin(daraja, others int) {
	for s := range daraja {
		p.running.Go(func() { p.daraja(s) })
	}
	for s := range others {
		p.running.Go(func() { p.steps(s, "wasaapay", wasaapayBody) })
		p.running.Go(func() { p.steps(s, "sevi", seviBody) })
	}
}

func (p *postings) end() {
	p.once.Do(func() { close(p.stop) })
	p.running.Wait()
}

// pause waits a little between two posts; false when it is over.
func (p *postings) pause(d time.Duration) bool {
	select {
	case <-p.stop:
		return false
	case <-time.After(d):
		return true
	}
}

// daraja posts callbacks, each once, unless it saw no answer at all: then, as a balancer
// does, to the other listener.
func (p *postings) daraja(sender int) {
	for i := 0; p.pause(10 * time.Millisecond); i++ {
		pushed := push{id: fmt.Sprintf("ws_CO_foreign_%d_%d", sender, i), token: payment.NewToken()}
		select {
		case pushed = <-p.pushes:
		default:
		}
		body := fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":%q,"ResultCode":1032,"ResultDesc":"Request cancelled by user"}}}`, pushed.id)
		begun := time.Now()
		for try := sender; ; try++ {
			code := p.post(p.addrs[try%len(p.addrs)]+"/callbacks/daraja/stk/"+pushed.token, []byte(body), "")
			if code == http.StatusOK {
				p.took("daraja/"+pushed.id+"/FAILED", time.Since(begun))
				break
			}
			if code != 0 {
				p.bad(fmt.Sprint("daraja ", code))
				break
			}
			if begunAgain := p.pause(20 * time.Millisecond); !begunAgain {
				return // nobody promised anything
			}
		}
	}
}

// steps posts what happens to payments, one step after the other, each until it is taken.
func (p *postings) steps(sender int, provider string, body func(id, status string) ([]byte, string)) {
	for i := 0; p.pause(20 * time.Millisecond); i++ {
		id := fmt.Sprintf("%s_%d_%d", provider, sender, i)
		for _, status := range []string{"PENDING", "COMPLETED"} {
			text, authorization := body(id, status)
			for try := sender; ; try++ {
				code := p.post(p.addrs[try%len(p.addrs)]+"/callbacks/"+provider+p.secret, text, authorization)
				if code == http.StatusOK {
					p.took(provider+"/"+id+"/"+status, 0)
					break
				}
				if code == http.StatusServiceUnavailable {
					p.mu.Lock()
					p.refused[provider]++
					p.mu.Unlock()
				} else if code != 0 {
					p.bad(fmt.Sprint(provider, " ", code))
				}
				if !p.pause(50 * time.Millisecond) {
					return
				}
			}
		}
	}
}

func wasaapayBody(id, status string) (body []byte, authorization string) {
	text := fmt.Sprintf(`{"event":"deposit.%s","timestamp":"2026-03-02T08:15:42Z","partnerId":"partner_sample","environment":"SANDBOX",`+
		`"data":{"depositId":%q,"reference":"DEP-%s","externalReference":"INV-%s","amount":"250.00","status":%q,"provider":"MPESA"}}`,
		map[string]string{"PENDING": "initiated", "COMPLETED": "completed"}[status], id, id, id, status)
	body, _ = signing.Sign([]byte(text), secret.New(webhookSecret))
	return body, ""
}

func seviBody(id, status string) (body []byte, authorization string) {
	return fmt.Appendf(nil, `{"id":%q,"amount":500,"fee":5,"totalAmount":505,"description":null,"paymentType":"ORDER","currency":"KES",`+
		`"transactionType":"CREDIT","method":"MPESA","walletId":"WAL-test-01","createdAt":"2026-03-02T09:00:00.000Z","name":null,"orderId":null,"status":%q}`, id, status), seviToken
}

// post returns the status, 0 where there was no answer.
func (p *postings) post(at string, body []byte, authorization string) int {
	req, err := http.NewRequest(http.MethodPost, "http://"+at, bytes.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	p.sent.Add(1)
	resp, err := p.client.Do(req)
	if err != nil {
		return 0
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func (p *postings) took(key string, after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acknowledged[key] = true
	p.slowest = max(p.slowest, after)
}

func (p *postings) bad(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrong[what]++
}

// counts returns how many of a provider's events were acknowledged, and how many refused.
func (p *postings) counts(provider string) (taken, refused int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key := range p.acknowledged {
		if strings.HasPrefix(key, provider+"/") {
			taken++
		}
	}
	return taken, p.refused[provider]
}

// held is what the ledger has of what was posted.
type held struct {
	// first counts the deliveries that are no repetition, by event; again the others.
	first map[string]int
	again int
	// place is where in the ledger's order an event stands, events those of a delivery.
	place  map[string]int
	events map[string]string
}

func readHeld(t *testing.T, ledger *store.Store) held {
	t.Helper()
	h := held{first: map[string]int{}, place: map[string]int{}, events: map[string]string{}}
	err := ledger.Deliveries.Each(t.Context(), store.DeliveryFilter{}, func(d store.StoredDelivery) error {
		if d.Event == nil {
			return fmt.Errorf("%s %s %s: no event: %s", d.ID, d.Provider, d.Verdict, d.Reason)
		}
		key := fmt.Sprintf("%s/%s/%s", d.Provider, d.Event.ProviderID, d.Event.Status)
		h.events[d.ID] = key
		if d.DuplicateOf != "" {
			h.again++
			return nil
		}
		h.first[key]++
		h.place[key] = len(h.place)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// hold holds the ledger against what was acknowledged: all of it is there, once, and the
// steps of a payment in their order.
func (p *postings) hold(place string) held {
	p.t.Helper()
	ledger := openShared(p.t, place)
	h := readHeld(p.t, ledger)
	lost, twice, turned := 0, 0, 0
	for key := range p.acknowledged {
		if h.first[key] == 0 {
			lost++
			if lost < 5 {
				p.t.Errorf("%s was acknowledged and is not in the ledger", key)
			}
		}
	}
	for key, n := range h.first {
		if n > 1 {
			twice++
			p.t.Errorf("%s is in the ledger %d times, as new each time", key, n)
		}
		before, completed := strings.CutSuffix(key, "/COMPLETED")
		if at, has := h.place[before+"/PENDING"]; completed && (!has || at > h.place[key]) {
			turned++
			p.t.Errorf("%s stands before what came first", key)
		}
	}
	if len(p.wrong) > 0 {
		p.t.Errorf("answers that nobody may get: %v", p.wrong)
	}
	if problems, err := ledger.Check(p.t.Context()); err != nil || len(problems) > 0 {
		p.t.Errorf("the ledger afterwards: %v %v", problems, err)
	}
	daraja, _ := p.counts("daraja")
	wasaa, wasaaRefused := p.counts("wasaapay")
	sevi, seviRefused := p.counts("sevi")
	p.t.Logf("acknowledged %d (daraja %d, slowest %s; wasaapay %d, 503 %d; sevi %d, 503 %d) of %d posts; in the ledger %d events, repetitions %d; lost %d, twice %d, out of order %d",
		len(p.acknowledged), daraja, p.slowest.Round(time.Millisecond), wasaa, wasaaRefused, sevi, seviRefused, p.sent.Load(), len(h.first), h.again, lost, twice, turned)
	if daraja == 0 || wasaa == 0 || sevi == 0 {
		p.t.Error("too little was acknowledged; the test proves nothing")
	}
	return h
}

// settled holds that every push whose callback was acknowledged is decided, and by it.
func (p *postings) settled(place string) {
	p.t.Helper()
	ledger := openShared(p.t, place)
	open, decided := 0, 0
	deposits, _, err := ledger.Deposits.List(p.t.Context(), store.DepositFilter{})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, d := range deposits {
		if !p.acknowledged["daraja/"+d.ProviderID+"/FAILED"] {
			continue
		}
		decided++
		if d.Status != payment.StatusFailed || d.DecidedBy != payment.SourceCallback || !d.Conflict.IsZero() {
			open++
			p.t.Errorf("%s is %s by %q, conflict %v", d.ProviderID, d.Status, d.DecidedBy, d.Conflict)
		}
	}
	p.t.Logf("%d deposits whose callback was acknowledged, %d of them not settled by it", decided, open)
	if decided == 0 {
		p.t.Error("no deposit's callback was acknowledged")
	}
}

// forwarded holds what reached an app against the ledger: everything once, twice only
// where the ledger saw no answer to the first, and the steps of a payment in their order.
func (p *postings) forwarded(place string, f *forwardTarget, h held) {
	p.t.Helper()
	ledger := openShared(p.t, place)
	f.mu.Lock()
	defer f.mu.Unlock()
	missing, again, turned, total := 0, 0, 0, 0
	place1 := map[string]int{}
	for i, id := range f.order {
		if _, before := place1[h.events[id]]; !before {
			place1[h.events[id]] = i
		}
	}
	for id, key := range h.events {
		n := f.got[id]
		total += n
		if n == 0 {
			missing++
			p.t.Errorf("%s, %s, never reached the app", id, key)
		}
		if n <= 1 {
			continue
		}
		again += n - 1
		seen, err := ledger.Deliveries.Attempts(p.t.Context(), id)
		if err != nil {
			p.t.Fatal(err)
		}
		taken := 0
		for _, a := range seen {
			if a.Status == http.StatusNoContent {
				taken++
			}
		}
		if taken > 1 {
			p.t.Errorf("%s reached the app %d times; the ledger had seen %d answers", id, n, taken)
		}
	}
	for key, at := range place1 {
		before, completed := strings.CutSuffix(key, "/COMPLETED")
		if first, has := place1[before+"/PENDING"]; completed && (!has || first > at) {
			turned++
			p.t.Errorf("%s reached the app before what came first", key)
		}
	}
	p.t.Logf("forwarded: %d deliveries, %d posts to the app, %d of them again after an unseen answer; missing %d, out of order %d", len(h.events), total, again, missing, turned)
}

// quiet waits until nothing is spilled on machines and nothing waits to be forwarded.
func quiet(t *testing.T, place string, listeners ...*serving) {
	t.Helper()
	ledger := openShared(t, place)
	state := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		files := 0
		for _, l := range listeners {
			files += len(l.spilled())
		}
		waiting, err := ledger.Forwards.Waiting(t.Context())
		left := 0
		for _, n := range waiting {
			left += n
		}
		if files == 0 && left == 0 && err == nil {
			return
		}
		state = fmt.Sprintf("%d files spilled, %d forwards, error %v", files, left, err)
	}
	t.Fatalf("the listeners did not come to rest: %s", state)
}
