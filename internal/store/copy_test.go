package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// TestCopy copies a ledger from a file to the engine under test and back: ids, counts and
// what can be written next stay as they are.
func TestCopy(t *testing.T) {
	t.Parallel()
	file := openTest(t, Options{Path: filepath.Join(t.TempDir(), "from.db"), Actor: func() Actor { return Actor{Who: "me", Host: "here", Command: "test"} }})
	d := pending(t, file, push(t, "INV-1"), "ws_1")
	a := callback("ws_1", "REC0000001", 15000)
	a.Targets = []string{"http://127.0.0.1:1/hook"}
	got := deliver(t, file, a)
	fill(t, file, 30)
	place := testPlace(t)
	other := openTest(t, Options{Path: place})
	progressed := 0
	tables, err := Copy(t.Context(), file, other, func(string, int64) { progressed++ })
	if err != nil || progressed == 0 {
		t.Fatal(err)
	}
	for _, c := range tables {
		if c.Name == "deliveries" && c.Rows != 31 {
			t.Errorf("%+v", c)
		}
	}
	if again, err := Copy(t.Context(), file, other, nil); err != nil || cmp.Diff(tables, again) != "" {
		t.Errorf("copied again: %v, error %v", cmp.Diff(tables, again), err)
	}
	reopened := openTest(t, Options{Path: place})
	if now := deposit(t, reopened, d.ID); now.Status != payment.StatusCompleted || now.Receipt != "REC0000001" {
		t.Errorf("%+v", now)
	}
	if again := deliver(t, reopened, a); !again.Duplicate || again.DuplicateOf != got.DeliveryID {
		t.Errorf("%+v", again)
	}
	create(t, reopened, push(t, "INV-2"))
	checkSound(t, reopened)
	if _, _, problems, err := reopened.Actions.Verify(t.Context()); err != nil || len(problems) > 0 {
		t.Errorf("%v, error %v", problems, err)
	}
	back := openTest(t, Options{Path: filepath.Join(t.TempDir(), "back.db")})
	if _, err := Copy(t.Context(), reopened, back, nil); err != nil {
		t.Fatal(err)
	}
	checkSound(t, back)
	if _, err := Copy(t.Context(), file, back, nil); payment.KindOf(err) != payment.KindConflict {
		t.Errorf("an older ledger over a newer: %v", err)
	}
	stranger := openTest(t, Options{Path: filepath.Join(t.TempDir(), "stranger.db")})
	create(t, stranger, push(t, "INV-3"))
	if _, err := Copy(t.Context(), file, stranger, nil); payment.KindOf(err) != payment.KindConflict {
		t.Errorf("over another ledger: %v", err)
	}
}

// TestServerAway holds what a store does while its server is away: commands are refused
// as unavailable, a listener opens where it was before, and goes on when it is back.
func TestServerAway(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	proxy, err := postgrestest.NewProxy(context.WithoutCancel(t.Context()), testPlace(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	state := t.TempDir()
	options := Options{Path: proxy.URL, StateDir: state, MayWait: true}
	proxy.SetDown(true)
	if _, err := Open(t.Context(), options); payment.KindOf(err) != payment.KindUnavailable {
		t.Errorf("a first start: %v", err)
	}
	proxy.SetDown(false)
	s := openTest(t, options)
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	proxy.SetDown(true)
	away := openTest(t, options)
	if !away.Away() || away.Beside("spill") != s.Beside("spill") || away.Prove("n") != s.Prove("n") {
		t.Errorf("away %v, beside %s", away.Away(), away.Beside("spill"))
	}
	arrival := withToken(callback("ws_1", "REC0000001", 15000), d.CallbackToken)
	for _, one := range []*Store{s, away} {
		if _, err := one.Deliveries.Record(t.Context(), arrival); payment.KindOf(err) != payment.KindUnavailable {
			t.Errorf("recorded without a server: %v", err)
		}
	}
	if _, err := Open(t.Context(), Options{Path: proxy.URL, StateDir: state}); payment.KindOf(err) != payment.KindUnavailable {
		t.Errorf("a command: %v", err)
	}
	proxy.SetDown(false)
	if got := record(t, away, arrival); got.Move != payment.MoveApply || away.Away() {
		t.Errorf("%+v", got)
	}
	if got := record(t, s, arrival); !got.Duplicate {
		t.Errorf("%+v", got)
	}

	// Another ledger under the same name is none to write what was kept to.
	proxy.SetDown(true)
	replaced := openTest(t, options)
	if err := postgresSwap(t, proxy.URL); err != nil {
		t.Fatal(err)
	}
	proxy.SetDown(false)
	if _, err := replaced.Deliveries.Record(t.Context(), arrival); !errors.Is(err, ErrReplaced) {
		t.Errorf("recorded in another ledger: %v", err)
	}
}

// postgresSwap gives the ledger behind a proxy's URL another key, as another ledger has.
func postgresSwap(t *testing.T, proxied string) error {
	t.Helper()
	place := postgrestest.With(testServer(), "search_path", postgrestest.Param(proxied, "search_path"))
	return postgrestest.Exec(t.Context(), place, "UPDATE meta SET value = '00112233445566778899aabbccddeeff' WHERE name = 'id_key'")
}
