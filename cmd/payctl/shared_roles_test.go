//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store/postgres"
	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// owner runs statements as the owner of the server that all tests share.
func owner(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := postgrestest.Exec(context.Background(), postgrestest.Server(), text); err != nil {
			t.Fatal(err)
		}
	}
}

// newRole makes a user with the rights that README gives to writers, or to readers, and
// returns its name and the ledger's URL as that user's.
func newRole(t *testing.T, place, kind, password string) (name, as string) {
	t.Helper()
	schema := postgrestest.Param(place, "search_path")
	name = kind + "_" + schema
	owner(t, "CREATE ROLE "+name+" LOGIN PASSWORD '"+password+"'", "GRANT USAGE ON SCHEMA "+schema+" TO "+name)
	if kind == "writer" {
		owner(t, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "+schema+" TO "+name,
			"GRANT USAGE ON ALL SEQUENCES IN SCHEMA "+schema+" TO "+name)
	} else {
		owner(t, "GRANT SELECT ON ALL TABLES IN SCHEMA "+schema+" TO "+name)
	}
	t.Cleanup(func() { owner(t, "DROP OWNED BY "+name, "DROP ROLE "+name) })
	return name, postgrestest.As(place, name, password)
}

// drop ends all connections of a user.
func drop(t *testing.T, name string) {
	t.Helper()
	owner(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '"+name+"'")
}

// TestSharedRoles: the owner migrates, a writer does all else, a reader looks, and none of
// them changes a table by a command that is not ledger migrate.
func TestSharedRoles(t *testing.T) {
	t.Parallel()
	place := sharedLedger(t)
	schema := postgrestest.Param(place, "search_path")
	_, asWriter := newRole(t, place, "writer", "w-secret")
	_, asReader := newRole(t, place, "reader", "r-secret")
	writer, reader := newMachine(t, asWriter), newMachine(t, asReader)

	l := writer.serve()
	if got := postDaraja(t, l.addr, "ws_1"); got != http.StatusOK {
		t.Fatalf("the writer's listener answered %d", got)
	}
	if files := l.spilled(); len(files) > 0 {
		t.Errorf("it was spilled: %v", files)
	}
	for _, args := range []string{"webhook list", "deposit list", "ledger info", "ledger check", "ledger verify", "stats", "webhook queue list"} {
		for who, m := range map[string]*shop{"writer": writer, "reader": reader} {
			if got := m.run(strings.Fields(args)...); got.code != 0 {
				t.Errorf("payctl %s as the %s: exit %d: %s", args, who, got.code, got.stderr)
			}
		}
	}
	if got := reader.run("webhook", "list", "-o", "json"); !strings.Contains(got.stdout, `"daraja"`) {
		t.Errorf("the reader does not see what the writer stored: %s", got.stdout)
	}
	// What writes is refused to a reader, by its name, and leaves nothing.
	for _, args := range []string{
		"deposit create --phone 0712345678 --amount 10 --reference R-1", "ledger prune --older-than 1d --yes",
		"webhook queue drop --all --yes", "listen --addr 127.0.0.1:0",
	} {
		got := reader.run(strings.Fields(args)...)
		if got.code != 4 && got.code != 1 {
			t.Errorf("payctl %s as a reader: exit %d, want a refusal: %s%s", args, got.code, got.stdout, got.stderr)
		}
		if strings.Contains(got.stderr, "r-secret") {
			t.Errorf("payctl %s shows the password: %s", args, got.stderr)
		}
		t.Logf("reader: %s: exit %d: %s", args, got.code, strings.TrimSpace(got.stderr))
	}
	if got := reader.must(0, "deposit", "list", "-o", "json"); strings.TrimSpace(got.stdout) != "[]" {
		t.Errorf("a reader made a deposit: %s", got.stdout)
	}

	// An older ledger stays as it is, whoever comes, until its owner migrates it.
	latest := latestSchema(t)
	owner(t, "UPDATE "+schema+".meta SET value = '11' WHERE name = 'schema'")
	for who, m := range map[string]*shop{"owner": newMachine(t, place), "writer": writer, "reader": reader} {
		got := m.run("deposit", "list")
		if got.code != 9 || !strings.Contains(got.stderr, "ledger migrate") {
			t.Errorf("the %s's command on an older ledger: exit %d: %s", who, got.code, got.stderr)
		}
	}
	if got := writer.run("ledger", "migrate"); got.code != 4 {
		t.Errorf("a writer migrates: exit %d: %s", got.code, got.stderr)
	}
	owner(t, "UPDATE "+schema+".meta SET value = '"+latest+"' WHERE name = 'schema'")
}

func latestSchema(t *testing.T) string {
	t.Helper()
	n, err := postgres.LatestSchema()
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(n)
}

// postDaraja posts a callback of a push that the ledger does not know.
func postDaraja(t *testing.T, addr, id string) int {
	t.Helper()
	p := &postings{t: t, client: &http.Client{Timeout: 20 * time.Second}}
	body := fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":%q,"ResultCode":1032,"ResultDesc":"Request cancelled by user"}}}`, id)
	return p.post(addr+"/callbacks/daraja/stk/"+payment.NewToken(), []byte(body), "")
}

// TestSharedRefused takes the server away from a listener under load without stopping it:
// no connection is left, the password is another, and all connections are ended again and
// again. Nothing that was acknowledged is lost.
func TestSharedRefused(t *testing.T) {
	t.Parallel()
	place := sharedLedger(t)
	name, as := newRole(t, place, "writer", "before")
	a, b := newMachine(t, as).serve(), newMachine(t, as).serve()
	p := newPostings(t, place, 300, a, b)
	p.begin(4, 1)
	for _, way := range []struct{ what, take, give string }{
		{"no connection left", "ALTER ROLE " + name + " CONNECTION LIMIT 0", "ALTER ROLE " + name + " CONNECTION LIMIT -1"},
		{"another password", "ALTER ROLE " + name + " PASSWORD 'after'", "ALTER ROLE " + name + " PASSWORD 'before'"},
		{"no right to come", "ALTER ROLE " + name + " NOLOGIN", "ALTER ROLE " + name + " LOGIN"},
	} {
		p.pause(300 * time.Millisecond)
		owner(t, way.take)
		drop(t, name)
		before, _ := p.counts("daraja")
		p.pause(lasting(1200*time.Millisecond, 5*time.Second))
		after, _ := p.counts("daraja")
		_, refused := p.counts("wasaapay")
		spilled := len(a.spilled()) + len(b.spilled())
		t.Logf("%s: %d of Daraja's acknowledged meanwhile, %d spilled, %d of WasaaPay's refused so far", way.what, after-before, spilled, refused)
		if after == before || spilled == 0 || refused == 0 {
			t.Errorf("%s: Daraja's are to be acknowledged and spilled, WasaaPay's refused", way.what)
		}
		owner(t, way.give)
		quiet(t, place, a, b)
	}
	ended := 0
	for until := time.Now().Add(lasting(1500*time.Millisecond, 10*time.Second)); time.Now().Before(until); ended++ {
		drop(t, name)
		p.pause(50 * time.Millisecond)
	}
	p.end()
	quiet(t, place, a, b)
	t.Logf("connections were ended %d times", ended)
	p.hold(place)
	p.settled(place)
}

// TestSharedSchema: a running listener goes on while the schema grows, spills once it may
// no longer write, and does not start again then; two migrations at once are one.
func TestSharedSchema(t *testing.T) {
	t.Parallel()
	place := sharedLedger(t)
	schema := postgrestest.Param(place, "search_path")
	m := newMachine(t, place)
	l := m.serve()
	meta := func(name, value string) {
		owner(t, "UPDATE "+schema+".meta SET value = '"+value+"' WHERE name = '"+name+"'")
	}
	post := func(id string, spilled bool) {
		t.Helper()
		if got := postDaraja(t, l.addr, id); got != http.StatusOK {
			t.Errorf("%s was answered %d", id, got)
		}
		if files := m.spilled(); (len(files) > 0) != spilled {
			t.Errorf("%s: spilled %v, want %t", id, files, spilled)
		}
	}
	post("ws_before", false)
	meta("schema", "99")
	post("ws_expanded", false)
	meta("schema_min", "99")
	post("ws_contracted", true)
	if got := m.run("deposit", "list"); got.code != 9 {
		t.Errorf("a command on a newer ledger: exit %d: %s", got.code, got.stderr)
	}
	l.die() // and its log is whole
	if !strings.Contains(l.log.String(), "asks for schema 99") {
		t.Errorf("the listener does not say why: %s", l.log)
	}
	if got := m.run("listen", "--addr", l.addr); got.code != 9 || !strings.Contains(got.stderr, "newer") {
		t.Errorf("a listener on a newer ledger: exit %d: %s", got.code, got.stderr)
	}
	meta("schema_min", latestSchema(t))
	l.start()
	quiet(t, place, l)
	if h := readHeld(t, openShared(t, place)); len(h.first) != 3 || h.again != 0 {
		t.Errorf("the ledger has %v", h.first)
	}
}

// TestSharedMigrate: of migrations at once one makes the ledger, and one that was cut off
// before its end leaves nothing.
func TestSharedMigrate(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	place, remove, err := postgrestest.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = remove() })
	proxy, err := postgrestest.NewProxy(context.Background(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	proxy.Break(2, postgrestest.CutLate) // all statements have run, and COMMIT has not come
	if got := newMachine(t, proxy.URL).run("ledger", "migrate"); got.code != 7 {
		t.Errorf("a migration that was cut off: exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := newMachine(t, place).run("deposit", "list"); got.code != 64 || !strings.Contains(got.stderr, "holds no payctl ledger") {
		t.Errorf("after it: exit %d: %s", got.code, got.stderr)
	}
	made := make(chan ran, 4)
	for range cap(made) {
		m := newMachine(t, place)
		go func() { made <- m.run("ledger", "migrate", "-o", "json") }()
	}
	makers := 0
	for range cap(made) {
		got := <-made
		if got.code != 0 {
			t.Errorf("a migration beside others: exit %d: %s", got.code, got.stderr)
		}
		if strings.Contains(strings.ReplaceAll(got.stdout, " ", ""), `"from":0`) {
			makers++
		}
	}
	if makers != 1 {
		t.Errorf("%d migrations made the ledger", makers)
	}
	newMachine(t, place).must(0, "ledger", "verify")
	if _, err := os.Stat("ledger.db"); err == nil {
		t.Error("a ledger in a file was made beside")
	}
}
