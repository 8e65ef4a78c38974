//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// twoServers starts a server with a ledger and a standby, and returns the ledger's URL
// that names both.
func twoServers(t *testing.T) (primary, standby *postgrestest.Cluster, place string) {
	t.Helper()
	primary, _ = ownServer(t)
	standby, err := primary.NewStandby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standby.Close(context.WithoutCancel(t.Context())) })
	host := fmt.Sprintf("127.0.0.1:%d", primary.Port)
	place = strings.Replace(primary.URL("postgres"), host, fmt.Sprintf("%s,127.0.0.1:%d", host, standby.Port), 1) + "&target_session_attrs=read-write"
	return primary, standby, place
}

// on runs statements on a server of a test's own.
func on(t *testing.T, c *postgrestest.Cluster, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := postgrestest.Exec(context.WithoutCancel(t.Context()), c.URL("postgres"), text); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSharedStandby kills the server under load and promotes its synchronous standby:
// nothing that was acknowledged is lost. The old server comes up again, read-only, and
// nobody writes to it.
func TestSharedStandby(t *testing.T) {
	t.Parallel()
	primary, standby, place := twoServers(t)
	on(t, primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
	if err := primary.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, b := newMachine(t, place).serve(), newMachine(t, place).serve()
	if got := a.must(0, "ledger", "info", "-o", "json"); !strings.Contains(strings.ReplaceAll(got.stdout, " ", ""), `"synchronous_standby_names":"*"`) {
		t.Errorf("ledger info does not tell the standby: %s", got.stdout)
	}
	p := newPostings(t, place, 400, a, b)
	p.begin(6, 2)
	p.pause(lasting(time.Second, 5*time.Second))
	if err := primary.Kill(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	p.pause(300 * time.Millisecond)
	if err := standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := len(readHeld(t, openShared(t, standby.URL("postgres"))).first)
	for stored := before; stored == before; stored = len(readHeld(t, openShared(t, standby.URL("postgres"))).first) {
		if time.Since(begun) > patience || !p.pause(100*time.Millisecond) {
			t.Fatal("nothing was stored after the promotion")
		}
	}
	t.Logf("the first callback was in the promoted server %s after the first was killed; it held %d", time.Since(begun).Round(time.Millisecond), before)
	if err := primary.Configure("default_transaction_read_only = on", "synchronous_standby_names = ''"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(primary.Data, "postgresql.auto.conf")); err != nil {
		t.Fatal(err)
	}
	if err := primary.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	on(t, standby, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'payctl%'")
	p.pause(lasting(time.Second, 5*time.Second))
	p.end()
	quiet(t, standby.URL("postgres"), a, b)
	p.hold(standby.URL("postgres"))
	p.settled(standby.URL("postgres"))

	// Who knows the old one alone keeps what comes, and says why.
	old := newMachine(t, primary.URL("postgres"))
	if got := old.run("deposit", "create", "--phone", "0712345678", "--amount", "10", "--reference", "R-1"); got.code != 7 || !strings.Contains(got.stderr, "takes no writes") {
		t.Errorf("a command on the old server: exit %d: %s", got.code, got.stderr)
	}
}

// TestSharedStandbyBehind promotes a standby that had stopped to follow: the listener goes
// on, and what was lost is told by reconcile, not hidden.
func TestSharedStandbyBehind(t *testing.T) {
	t.Parallel()
	primary, standby, place := twoServers(t)
	m := newMachine(t, place)
	l := m.serve()
	p := newPostings(t, place, 3, l)
	pay := func(n int) string {
		pushed, receipt := <-p.pushes, fmt.Sprint("SKB000000", n)
		body := fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":%q,"ResultCode":0,"ResultDesc":"ok","CallbackMetadata":{"Item":[`+
			`{"Name":"Amount","Value":150.00},{"Name":"MpesaReceiptNumber","Value":%q},{"Name":"TransactionDate","Value":%s},{"Name":"PhoneNumber","Value":254712300000}]}}}}`, pushed.id, receipt, time.Now().UTC().Add(3*time.Hour).Format("20060102150405"))
		if got := p.post(l.addr+"/callbacks/daraja/stk/"+pushed.token, []byte(body), ""); got != http.StatusOK {
			t.Errorf("the callback of %s was answered %d", receipt, got)
		}
		return receipt
	}
	statuses := func(c *postgrestest.Cluster) (completed int) {
		deposits, _, err := openShared(t, c.URL("postgres")).Deposits.List(t.Context(), store.DepositFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range deposits {
			if d.Status == payment.StatusCompleted {
				completed++
			}
		}
		return completed
	}
	kept := pay(1)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if deposits, err := store.Open(t.Context(), store.Options{Path: standby.URL("postgres"), OrReadOnly: true}); err == nil {
			list, _, err := deposits.Deposits.List(t.Context(), store.DepositFilter{Statuses: []payment.Status{payment.StatusCompleted}})
			_ = deposits.Close()
			if err == nil && len(list) == 1 {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the standby does not follow")
		}
	}
	on(t, standby, "ALTER SYSTEM SET primary_conninfo = ''")
	if err := standby.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); standbyCount(t, primary) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the standby does not stop to follow")
		}
	}
	lost := pay(2)
	if n := statuses(primary); n != 2 {
		t.Fatalf("%d deposits are paid before the fail-over", n)
	}
	if err := primary.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := pay(3)
	quiet(t, standby.URL("postgres"), l)
	if n := statuses(standby); n != 2 {
		t.Errorf("%d deposits are paid after the fail-over, want the one before the loss and the one after", n)
	}
	file, statement := filepath.Join(m.dir, "bank.csv"), "Ref,Sum,When,State\n"
	for _, receipt := range []string{kept, lost, after} {
		statement += receipt + ",150.00," + time.Now().UTC().Format(time.RFC3339) + ",ok\n"
	}
	if err := os.WriteFile(file, []byte(statement), 0o600); err != nil {
		t.Fatal(err)
	}
	got := m.run("reconcile", file, "--columns", "receipt=Ref,amount=Sum,time=When,status=State", "-o", "ndjson")
	t.Logf("reconcile: %s%s", got.stdout, got.stderr)
	if got.code != 9 || !strings.Contains(got.stdout, lost) || strings.Contains(got.stdout, `"receipt":"`+kept+`"`) {
		t.Errorf("the loss is not told: exit %d", got.code)
	}
}

// standbyCount is how many standbys follow a server.
func standbyCount(t *testing.T, c *postgrestest.Cluster) int {
	t.Helper()
	n, err := postgrestest.Number(t.Context(), c.URL("postgres"), "SELECT count(*) FROM pg_stat_replication")
	if err != nil {
		t.Fatal(err)
	}
	return n
}
