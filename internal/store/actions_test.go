package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

func openAs(t *testing.T, path, command string, now time.Time) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{
		Path: path, Now: func() time.Time { return now }, Actor: func() Actor { return Actor{Who: "asha", Host: "desk", Command: command} },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func actionsOf(t *testing.T, s *Store, subject string) []string {
	t.Helper()
	list, err := s.Actions.Of(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range list {
		out = append(out, strings.TrimSuffix(a.What+": "+a.Because, ": "))
	}
	return out
}

// What a listener prunes by retention is its user's action, written once, and none is
// written where nothing was deleted.
func TestPruneIsAnAction(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	start := time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)
	s := openAs(t, path, "listen", start)
	for i := range 3 {
		_, err := s.Deliveries.Record(t.Context(), Arrival{Delivery: payment.Delivery{
			Provider: payment.Daraja, Route: "/callbacks/daraja/stk", ReceivedAt: start.Add(time.Duration(i) * time.Hour), Body: []byte{'x', byte('0' + i)},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := s.Prune(t.Context(), start.Add(90*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := actionsOf(t, s, ""), []string{"listen: deliveries received before 2026-03-02T09:45:00Z are deleted"}; !slices.Equal(got, want) {
		t.Errorf("actions %q, want %q", got, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Repeating a request, taking it back, taking a recovery file in and asking for a result
// are actions on what they change; an answer that says nothing new is none.
func TestActionsOfADeposit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)
	s := openAs(t, filepath.Join(t.TempDir(), "ledger.db"), "status get", now)
	ctx := t.Context()
	phone, err := payment.ParsePhone("0722345050")
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := s.Deposits.Create(ctx, payment.Deposit{
		Provider: payment.Daraja, Environment: payment.Sandbox, Reference: "R-1", Amount: payment.AmountOf(15000, payment.KES), Phone: phone,
	})
	if err != nil {
		t.Fatal(err)
	}
	claim := func() payment.Deposit {
		got, mine, err := s.Deposits.ClaimSend(ctx, d)
		if err != nil || !mine {
			t.Fatalf("claimed %v, error %v", mine, err)
		}
		return got
	}
	claim()
	if d, err = s.Deposits.ReleaseSend(ctx, d.ID, nil); err != nil {
		t.Fatal(err)
	}
	if _, mine, err := s.Deposits.ClaimRepeat(ctx, claim()); err != nil || !mine {
		t.Fatalf("claimed %v, error %v", mine, err)
	}
	if _, err := s.Recovery.Keep(d.ID, payment.Claim{Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: "ws_CO_1"}); err != nil {
		t.Fatal(err)
	}
	if taken, err := s.Recovery.TakeIn(ctx); err != nil || len(taken) != 1 {
		t.Fatalf("taken in %v, error %v", taken, err)
	}
	for range 2 {
		if _, _, err := s.Deposits.Apply(ctx, d.ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceQuery}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"deposit create", "deposit send", "deposit release: it was not sent", "deposit send", "deposit send: again, under its key",
		"status get: an answer waited in the recovery file", "status get: the query says COMPLETED",
	}
	if got := actionsOf(t, s, d.ID); !slices.Equal(got, want) {
		t.Errorf("actions %q, want %q", got, want)
	}
	q, err := s.Queries.Create(ctx, Query{Kind: "reversal", Provider: payment.Daraja, DepositID: d.ID, Because: "wrong order"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := actionsOf(t, s, q.ID), []string{"ask for reversal: wrong order"}; !slices.Equal(got, want) {
		t.Errorf("actions %q, want %q", got, want)
	}
	if n, _, problems, err := s.Actions.Verify(ctx); err != nil || n != 8 || len(problems) > 0 {
		t.Errorf("%d actions, problems %q, error %v", n, problems, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Bringing a ledger of an older payctl to the present schema is an action.
func TestMigrationIsAnAction(t *testing.T) {
	t.Parallel()
	s := openAs(t, openVersion(t, 9), "deposit list", newClock().Now())
	_, to := s.engine.(file).Migrated()
	if got, want := actionsOf(t, s, ""), []string{fmt.Sprintf("ledger migrate: schema 9 to %d", to)}; !slices.Equal(got, want) {
		t.Errorf("actions %q, want %q", got, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
