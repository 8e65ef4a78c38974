package store

import (
	"bufio"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// The crash tests put other processes under load on a ledger, kill them with
// SIGKILL at random moments and compare what they acknowledged with what the
// ledger then holds. PAYCTL_TORTURE=1 makes them long.
const (
	tortureSwitch = "PAYCTL_TORTURE"
	tortureRounds = "PAYCTL_TORTURE_ROUNDS"
	// shortRounds and longRounds are how often TestCrash kills; the others do a third.
	shortRounds, longRounds = 3, 300
	// roundsPerLedger bounds a ledger's size, which every round checks anew.
	roundsPerLedger = 20
)

func crashRounds(t *testing.T) int {
	t.Helper()
	if os.Getenv(tortureSwitch) == "" {
		return shortRounds
	}
	text := os.Getenv(tortureRounds)
	if text == "" {
		return longRounds
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s %q is not a number of rounds", tortureRounds, text)
	}
	return n
}

// TestCrash kills a process at work, again and again.
func TestCrash(t *testing.T) {
	t.Parallel()
	crash(t, "hammer", crashRounds(t))
}

// TestCrashClockJumps does so while the clock jumps by days, both ways.
func TestCrashClockJumps(t *testing.T) {
	t.Parallel()
	crash(t, "jumping", max(2, crashRounds(t)/3))
}

// TestCrashDiskFull does so while the file system refuses to let files grow, and
// sometimes gives room again.
func TestCrashDiskFull(t *testing.T) {
	t.Parallel()
	if !canLimitFiles {
		t.Skip("LOUD SKIP: this system has no file size limit")
	}
	crash(t, "full", max(2, crashRounds(t)/3))
}

// figures are what crash tests print.
type figures struct {
	acknowledged, settled, refused, silent int
}

func crash(t *testing.T, mode string, rounds int) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	var total figures
	var path string
	told := map[string][2]string{}
	start := time.Now()
	for round := range rounds {
		if round%roundsPerLedger == 0 {
			verifyAcks(t, path, told)
			path, told = filepath.Join(t.TempDir(), "ledger.db"), map[string][2]string{}
		}
		out := killedAtWork(t, helper(t, mode, path, fmt.Sprint("r", round)), killingOf(mode, round, random))
		now := acks(t, out)
		if len(now) == 0 {
			total.silent++
		}
		verifyAcks(t, path, now)
		for id, v := range now {
			told[id] = v
			total.acknowledged++
			if v[1] != "-" {
				total.settled++
			}
		}
		total.refused += strings.Count(out, "refused ")
		if t.Failed() {
			t.Fatalf("round %d, seed %d", round, seed)
		}
	}
	verifyAcks(t, path, told)
	t.Logf("%s: killed %d times (%d before any answer) in %v: %d acknowledged, %d of them settled a deposit, %d writes refused; 0 lost, 0 half applied",
		mode, rounds, total.silent, time.Since(start).Round(time.Second), total.acknowledged, total.settled, total.refused)
	if total.acknowledged == 0 || total.settled == 0 || mode == "full" && total.refused == 0 {
		t.Errorf("%+v: the test tested nothing", total)
	}
}

// killing says when a process is killed: at a random time after it has begun to
// settle deposits or, where the disk fills, has been refused; after its first
// word; or, without waiting for a word of it, while it starts.
type killing struct {
	at    string
	after time.Duration
}

func killingOf(mode string, round int, random *rand.Rand) killing {
	k := killing{at: "ack ", after: time.Duration(random.Int64N(int64(250 * time.Millisecond)))}
	switch {
	case round%8 == 7:
		k.at = ""
	case round%2 == 0 && mode == "full":
		k.at = "refused "
	case round%2 == 0:
		k.at = " " + string(depositPrefix) + "_"
	}
	return k
}

// killedAtWork runs a process until it is killed, and returns its lines.
func killedAtWork(t *testing.T, cmd *exec.Cmd, k killing) string {
	t.Helper()
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = cmd.Process.Kill() }
	// No round lasts for ever.
	latest := time.AfterFunc(2*time.Minute, kill)
	defer latest.Stop()
	armed := k.at == ""
	if armed {
		time.AfterFunc(k.after, kill)
	}
	var out strings.Builder
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if !armed && strings.Contains(lines.Text(), k.at) {
			armed = true
			time.AfterFunc(k.after, kill)
		}
		out.WriteString(lines.Text() + "\n")
	}
	_ = cmd.Wait()
	if text := out.String(); strings.Contains(text, "--- FAIL") || strings.Contains(text, "panic:") {
		t.Errorf("the process failed by itself:\n%s", text)
	}
	return out.String()
}

// acks reads what a process acknowledged: verdict and settled deposit by
// delivery. A killed process may have left half a line, which counts for nothing.
func acks(t *testing.T, out string) map[string][2]string {
	t.Helper()
	got := map[string][2]string{}
	lines := bufio.NewScanner(strings.NewReader(out))
	for lines.Scan() {
		f := strings.Split(lines.Text(), " ")
		if len(f) == 5 && f[0] == "ack" && f[4] == "." {
			got[f[1]] = [2]string{f[2], f[3]}
		}
	}
	return got
}

// tellAck acknowledges a delivery on stdout.
func tellAck(r Recorded) {
	fmt.Printf("ack %s %s %s .\n", r.DeliveryID, r.Verdict, orDash(r.DepositID))
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// verifyAcks starts again on a ledger, compares it with what was acknowledged
// and looks for work that is half done; then it has to take a new delivery.
func verifyAcks(t *testing.T, path string, told map[string][2]string) int {
	t.Helper()
	if path == "" {
		return 0
	}
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for id, want := range told {
		v, err := s.Deliveries.Get(t.Context(), id)
		if err != nil {
			t.Errorf("acknowledged and lost: %v", err)
			continue
		}
		if string(v.Verdict) != want[0] || orDash(v.DepositID) != want[1] {
			t.Errorf("%s: %s %s, told %v", id, v.Verdict, v.DepositID, want)
		}
		if v.DepositID == "" {
			continue
		}
		if d := deposit(t, s, v.DepositID); d.Status != payment.StatusCompleted || d.Receipt != v.Event.Receipt {
			t.Errorf("half applied: %s is %s with receipt %q", d.ID, d.Status, d.Receipt)
		}
	}
	checkWhole(t, s)
	checkSound(t, s)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("it takes nothing new: %v", err)
	}
	return len(told)
}

// checkWhole looks for deposits, acknowledged or not, that are half done: what
// one commit writes is there together or not at all.
func checkWhole(t *testing.T, s *Store) {
	t.Helper()
	for what, query := range map[string]string{
		"deposits are paid without their callback, or have it and are not": `SELECT count(*) FROM deposits AS d
			WHERE (d.status = 'COMPLETED') <> EXISTS (SELECT 1 FROM deliveries AS v
				WHERE v.subject = d.seq AND v.deposit = d.seq AND v.move = ` + strconv.Itoa(int(payment.MoveApply)) + ` AND v.receipt = d.receipt)`,
		"deposits are sent without a note of it, or the reverse": `SELECT count(*) FROM deposits AS d
			WHERE (d.sent_at IS NULL) <> NOT EXISTS (SELECT 1 FROM claims AS c WHERE c.deposit = d.seq AND c.note = 'sent')`,
		"deposits are pending without an id": "SELECT count(*) FROM deposits WHERE status = 'PENDING' AND provider_id = ''",
		"deliveries are of no deposit": `SELECT count(*) FROM deliveries AS v WHERE v.deposit IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM deposits AS d WHERE d.seq = v.deposit)`,
	} {
		var n int
		if err := s.read.QueryRowContext(t.Context(), query).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d %s, error %v", n, what, err)
		}
	}
}

// hammer is a load: pushes that are settled by their callbacks, beside
// callbacks of nobody, from several senders.
type hammer struct {
	name string
	// most is after how many deliveries it ends.
	most int64
	// pad is added to each body, in bytes.
	pad int
	// now is the clock, nil for the real one.
	now func() time.Time
	// refused is told of errors; nil means that there must be none.
	refused func(error)
}

const hammerSenders = 8

// run works until the end, and tells each acknowledged delivery on stdout.
func (h hammer) run(t *testing.T, s *Store) {
	var out sync.Mutex
	var next atomic.Int64
	var wg sync.WaitGroup
	for range hammerSenders {
		wg.Go(func() {
			for n := next.Add(1); n <= h.most; n = next.Add(1) {
				r, err := h.settle(t, s, n)
				switch {
				case err == nil:
					out.Lock()
					tellAck(r)
					out.Unlock()
				case h.refused == nil:
					t.Error(err)
					return
				default:
					out.Lock()
					h.refused(err)
					out.Unlock()
				}
			}
		})
	}
	wg.Wait()
}

// settle records a callback, every second one after the push that it settles.
func (h hammer) settle(t *testing.T, s *Store, n int64) (Recorded, error) {
	id := fmt.Sprintf("%s_%d", h.name, n)
	a := callback(id, "R"+id, 15000)
	a.Delivery.Body = append(a.Delivery.Body, strings.Repeat(" ", h.pad)...)
	if h.now != nil {
		a.Delivery.ReceivedAt = h.now()
	}
	if n%2 == 0 {
		d, err := sendPush(t.Context(), s, push(t, id), id)
		if err != nil {
			return Recorded{}, err
		}
		a = withToken(a, d.CallbackToken)
	}
	return s.Deliveries.Record(t.Context(), a)
}

func sendPush(ctx context.Context, s *Store, d payment.Deposit, checkoutID string) (payment.Deposit, error) {
	d, _, err := s.Deposits.Create(ctx, d)
	if err != nil {
		return d, err
	}
	if _, _, err := s.Deposits.ClaimSend(ctx, d); err != nil {
		return d, err
	}
	d, _, err = s.Deposits.Apply(ctx, d.ID, payment.Claim{
		Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: checkoutID, MerchantRequestID: "mr-" + checkoutID,
	})
	return d, err
}

// jumpingClock jumps by up to two days, either way, at every look.
func jumpingClock(name string) func() time.Time {
	seed := fnv.New64a()
	_, _ = seed.Write([]byte(name))
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed.Sum64(), 2))
	base := newClock().Now()
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return base.Add(time.Duration(random.Int64N(int64(96*time.Hour))) - 48*time.Hour)
	}
}
