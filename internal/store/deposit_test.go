package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

func cmpOpts() cmp.Options {
	return cmp.Options{
		cmp.Comparer(func(a, b payment.Amount) bool { return a == b }),
		cmp.Comparer(func(a, b payment.Phone) bool { return a == b }),
	}
}

func TestCreateDeposit(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	in := push(t, "INV-1")
	in.CallbackToken = "token-1"
	got := create(t, s, in)
	want := in
	want.ID, want.Status, want.CreatedAt, want.UpdatedAt = got.ID, payment.StatusCreated, c.Now(), c.Now()
	if diff := cmp.Diff(want, got, cmpOpts()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, deposit(t, s, got.ID), cmpOpts()); diff != "" {
		t.Error(diff)
	}

	c.Add(time.Hour)
	again, existed, err := s.Deposits.Create(t.Context(), in)
	if err != nil || !existed {
		t.Fatalf("existed %v, error %v", existed, err)
	}
	if diff := cmp.Diff(want, again, cmpOpts()); diff != "" {
		t.Error(diff)
	}
}

func TestCreateDepositRefuses(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	first := create(t, s, push(t, "INV-1"))
	for _, tc := range []struct {
		name   string
		change func(*payment.Deposit)
		want   payment.Kind
	}{
		{"same key, another amount", func(d *payment.Deposit) { d.Amount = kes(1) }, payment.KindConflict},
		{"same key, another phone", func(d *payment.Deposit) { d.Phone = mustPhone(t, "0712345678") }, payment.KindConflict},
		{"same key, another reference", func(d *payment.Deposit) { d.Reference = "INV-2" }, payment.KindConflict},
		{"same key, another description", func(d *payment.Deposit) { d.Description = "" }, payment.KindConflict},
		{"same key, other fields", func(d *payment.Deposit) { d.FieldsHash = "0a" }, payment.KindConflict},
		{"no amount", func(d *payment.Deposit) { d.Amount = payment.Amount{} }, payment.KindUsage},
		{"zero amount", func(d *payment.Deposit) { d.Amount = kes(0) }, payment.KindUsage},
		{"no provider", func(d *payment.Deposit) { d.Provider = "" }, payment.KindUsage},
		{"no environment", func(d *payment.Deposit) { d.Environment = "" }, payment.KindUsage},
		{"a token in use", func(d *payment.Deposit) { d.IdempotencyKey, d.CallbackToken = "other", first.CallbackToken }, payment.KindUsage},
		{"a reference without end", func(d *payment.Deposit) { d.Reference = string(make([]byte, mostText+1)) }, payment.KindUsage},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := push(t, "INV-1")
			tc.change(&d)
			_, _, err := s.Deposits.Create(t.Context(), d)
			if got := kindOf(err); err == nil || got != tc.want {
				t.Errorf("error %v, kind %v, want %v", err, got, tc.want)
			}
		})
	}
}

// What a request is sent with may be corrected until it is sent.
func TestCreateDepositCorrected(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	in := push(t, "INV-1")
	in.ShortCode, in.Wallet, in.FieldsHash = "600999", "wallet_none", "0a"
	first := create(t, s, in)
	claim := func(as payment.Deposit) payment.Deposit {
		t.Helper()
		again, existed, err := s.Deposits.Create(t.Context(), as)
		if err != nil || !existed || again.ID != first.ID {
			t.Fatalf("%+v, existed %v, error %v", again, existed, err)
		}
		as.ID = again.ID
		got, mine, err := s.Deposits.ClaimSend(t.Context(), as)
		if err != nil || !mine {
			t.Fatalf("mine %v, error %v", mine, err)
		}
		return got
	}
	claim(in)
	if _, err := s.Deposits.ReleaseSend(t.Context(), first.ID, nil); err != nil {
		t.Fatal(err)
	}
	in.ShortCode, in.Wallet = "174379", "wallet_1"
	got := claim(in)
	if diff := cmp.Diff(got, deposit(t, s, first.ID), cmpOpts()); diff != "" {
		t.Error(diff)
	}
	if got.ShortCode != "174379" || got.Wallet != "wallet_1" || got.FieldsHash != "0a" {
		t.Errorf("claimed as %+v", got)
	}

	in.ShortCode, in.Wallet, in.FieldsHash = "600999", "wallet_2", ""
	_, _, err := s.Deposits.Create(t.Context(), in)
	if want := "another set of --field values and another shortcode and another wallet"; kindOf(err) != payment.KindConflict || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that says %q", err, want)
	}
	r := record(t, s, withToken(callback("ws_1", "REC0000001", 15000), got.CallbackToken))
	if r.Status != payment.StatusCompleted {
		t.Errorf("the callback of the corrected shortcode: %+v", r)
	}
}

func TestClaimRepeatOnce(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	d := push(t, "INV-1")
	d.Provider, d.ShortCode = payment.WasaaPay, ""
	d = create(t, s, d)
	if _, mine, err := s.Deposits.ClaimRepeat(t.Context(), d); err != nil || mine {
		t.Errorf("before it was sent: mine %v, error %v", mine, err)
	}
	seen, _, err := s.Deposits.ClaimSend(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	c.Add(time.Hour)
	got, mine, err := s.Deposits.ClaimRepeat(t.Context(), seen)
	if err != nil || !mine {
		t.Fatalf("mine %v, error %v", mine, err)
	}
	want := seen
	want.UpdatedAt, want.ExpiresAt = c.Now(), c.Now().Add(payment.PromptLifetime)
	if diff := cmp.Diff(want, got, cmpOpts()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, deposit(t, s, d.ID), cmpOpts()); diff != "" {
		t.Error(diff)
	}
	c.Add(time.Hour)
	if _, mine, err := s.Deposits.ClaimRepeat(t.Context(), seen); err != nil || mine {
		t.Errorf("as another process saw it: mine %v, error %v", mine, err)
	}
	known := answered(t, s, got, "dep_w1")
	if _, mine, err := s.Deposits.ClaimRepeat(t.Context(), known); err != nil || mine {
		t.Errorf("with an id: mine %v, error %v", mine, err)
	}
}

func TestCreateDepositSeparatesKeys(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	create(t, s, push(t, "INV-1"))
	d := push(t, "INV-1")
	d.Environment = payment.Production
	create(t, s, d)
	d = push(t, "INV-1")
	d.IdempotencyKey = ""
	got := create(t, s, d)
	if len(got.IdempotencyKey) != 36 || len(got.CallbackToken) < 20 {
		t.Errorf("made key %q and token of %d letters", got.IdempotencyKey, len(got.CallbackToken))
	}
}

func TestClaimSendOnce(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	d := create(t, s, push(t, "INV-1"))
	c.Add(time.Second)
	got, mine, err := s.Deposits.ClaimSend(t.Context(), d)
	if err != nil || !mine {
		t.Fatalf("mine %v, error %v", mine, err)
	}
	want := d
	want.Status, want.SentAt, want.UpdatedAt, want.ExpiresAt = payment.StatusUnknown, c.Now(), c.Now(), c.Now().Add(2*time.Minute)
	if diff := cmp.Diff(want, got, cmpOpts()); diff != "" {
		t.Error(diff)
	}
	if _, mine, err := s.Deposits.ClaimSend(t.Context(), d); err != nil || mine {
		t.Errorf("second claim: mine %v, error %v", mine, err)
	}

	if _, err := s.Deposits.ReleaseSend(t.Context(), d.ID, nil); err != nil {
		t.Fatal(err)
	}
	want = d
	want.UpdatedAt = c.Now()
	if diff := cmp.Diff(want, deposit(t, s, d.ID), cmpOpts()); diff != "" {
		t.Error(diff)
	}
	if _, mine, err := s.Deposits.ClaimSend(t.Context(), d); err != nil || !mine {
		t.Errorf("claim after release: mine %v, error %v", mine, err)
	}
}

func TestReleaseSendKeepsWhatWasHeard(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := create(t, s, push(t, "INV-1"))
	if _, _, err := s.Deposits.ClaimSend(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	record(t, s, withToken(callback("ws_1", "REC0000001", 15000), d.CallbackToken))
	if _, err := s.Deposits.ReleaseSend(t.Context(), d.ID, nil); err != nil {
		t.Fatal(err)
	}
	if got := deposit(t, s, d.ID).Status; got != payment.StatusCompleted {
		t.Errorf("status %s", got)
	}
}

func TestApplyClaim(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	failure := &payment.Failure{Code: "1037", Reason: "No response from user.", Advice: "ask again"}
	c.Add(time.Minute)
	got, move, err := s.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusFailed, By: payment.SourceQuery, Failure: failure})
	if err != nil || move != payment.MoveApply {
		t.Fatalf("move %v, error %v", move, err)
	}
	want := d
	want.Status, want.Failure, want.DecidedBy, want.UpdatedAt = payment.StatusFailed, failure, payment.SourceQuery, c.Now()
	if diff := cmp.Diff(want, got, cmpOpts()); diff != "" {
		t.Error(diff)
	}

	r := deliver(t, s, callback("ws_1", "REC0000001", 15000))
	stored := deposit(t, s, d.ID)
	if r.Move != payment.MoveOverrule || r.Status != payment.StatusCompleted || stored.Status != r.Status || stored.Conflict.IsZero() {
		t.Errorf("a success by callback after a failure by query: %+v, %+v", r, stored)
	}

	_, move, err = s.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusFailed, By: payment.SourceQuery})
	if err != nil || move != payment.MoveConflict {
		t.Errorf("move %v, error %v", move, err)
	}
	got, _, err = s.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceQuery, Settles: true})
	if err != nil || !got.Conflict.IsZero() || got.Status != payment.StatusCompleted {
		t.Errorf("after settling: %+v, error %v", got, err)
	}
	if diff := cmp.Diff(got, deposit(t, s, d.ID), cmpOpts()); diff != "" {
		t.Error(diff)
	}
}

// An answer that proves nothing may still name the push: it can then be asked for.
func TestApplyClaimKeepsIDsOfUnknown(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	d := sent(t, s, push(t, "INV-1"))
	c.Add(time.Second)
	got, move, err := s.Deposits.Apply(t.Context(), d.ID, payment.Claim{
		Status: payment.StatusUnknown, By: payment.SourceAnswer, ProviderID: "ws_1", MerchantRequestID: "mr-ws_1",
	})
	if err != nil || move != payment.MoveNone {
		t.Fatalf("move %v, error %v", move, err)
	}
	want := d
	want.ProviderID, want.MerchantRequestID, want.UpdatedAt = "ws_1", "mr-ws_1", c.Now()
	if diff := cmp.Diff(want, got, cmpOpts()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, deposit(t, s, d.ID), cmpOpts()); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownDeposit(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	other := openTest(t, Options{})
	foreign := create(t, other, push(t, "INV-1")).ID
	create(t, s, push(t, "INV-1"))
	for _, id := range []string{"", "dep_", "dep_0000009zzzz", "INV-1", foreign} {
		_, err := s.Deposits.Get(t.Context(), id)
		_, _, claimErr := s.Deposits.ClaimSend(t.Context(), payment.Deposit{ID: id})
		_, _, applyErr := s.Deposits.Apply(t.Context(), id, payment.Claim{})
		_, releaseErr := s.Deposits.ReleaseSend(t.Context(), id, nil)
		for _, err := range []error{err, claimErr, applyErr, releaseErr} {
			if err == nil || kindOf(err) != payment.KindNotFound {
				t.Errorf("%q: %v", id, err)
			}
		}
	}
}

func TestFindDeposit(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	first := pending(t, s, push(t, "INV-1"), "ws_1")
	second := push(t, "INV-1")
	second.IdempotencyKey, second.Repeats = "another", "on purpose"
	second = pending(t, s, second, "ws_2")
	deliver(t, s, callback("ws_2", "REC0000002", 15000))
	second = deposit(t, s, second.ID)
	for _, tc := range []struct {
		id   string
		want []payment.Deposit
	}{
		{first.ID, []payment.Deposit{first}},
		{"INV-1", []payment.Deposit{second, first}},
		{"ws_1", []payment.Deposit{first}},
		{"mr-ws_2", []payment.Deposit{second}},
		{"REC0000002", []payment.Deposit{second}},
		{"another", []payment.Deposit{second}},
		{"nothing", []payment.Deposit{}},
		{"", nil},
	} {
		got, err := s.Deposits.Find(t.Context(), tc.id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got, cmpOpts()); diff != "" {
			t.Errorf("%q: %s", tc.id, diff)
		}
	}
}

func TestListDeposits(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	var all []payment.Deposit
	for i := range 7 {
		d := push(t, "INV-"+string(rune('a'+i)))
		if i%3 == 0 {
			d.Provider = payment.WasaaPay
		}
		if i%2 == 0 {
			all = append(all, create(t, s, d))
		} else {
			all = append(all, pending(t, s, d, "id-"+d.Reference))
		}
		c.Add(time.Minute)
	}
	start := newClock().Now()
	ids := func(indices ...int) []string {
		out := []string{}
		for _, i := range indices {
			out = append(out, all[i].ID)
		}
		return out
	}
	for _, tc := range []struct {
		name   string
		filter DepositFilter
		want   []string
	}{
		{"all", DepositFilter{}, ids(6, 5, 4, 3, 2, 1, 0)},
		{"status", DepositFilter{Statuses: []payment.Status{payment.StatusPending}}, ids(5, 3, 1)},
		{"statuses", DepositFilter{Statuses: []payment.Status{payment.StatusPending, payment.StatusCreated}}, ids(6, 5, 4, 3, 2, 1, 0)},
		{"provider", DepositFilter{Provider: payment.WasaaPay}, ids(6, 3, 0)},
		{"provider and status", DepositFilter{Provider: payment.WasaaPay, Statuses: []payment.Status{payment.StatusPending}}, ids(3)},
		{"environment", DepositFilter{Environment: payment.Production}, ids()},
		{"since", DepositFilter{Since: start.Add(5 * time.Minute)}, ids(6, 5)},
		{"until", DepositFilter{Until: start.Add(2 * time.Minute)}, ids(1, 0)},
		{"between", DepositFilter{Since: start.Add(time.Minute), Until: start.Add(3 * time.Minute)}, ids(2, 1)},
		{"phone", DepositFilter{Phone: all[0].Phone}, ids(6, 5, 4, 3, 2, 1, 0)},
		{"reference", DepositFilter{Reference: "INV-d"}, ids(3)},
		{"phone, provider and statuses", DepositFilter{Phone: all[0].Phone, Provider: payment.WasaaPay, Environment: all[0].Environment, Statuses: []payment.Status{payment.StatusPending, payment.StatusFailed}}, ids(3)},
		{"reference before", DepositFilter{Reference: "INV-d", Until: start.Add(time.Minute)}, ids()},
		{"receipt", DepositFilter{Receipt: "none"}, ids()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, most := range []int{1, 3, 100} {
				if n, err := s.Deposits.Count(t.Context(), tc.filter, most); err != nil || n != min(most, len(tc.want)) {
					t.Errorf("%d of at most %d counted, want %d: %v", n, most, len(tc.want), err)
				}
			}
			for _, limit := range []int{0, 1, 2, 3, 7} {
				got := []string{}
				for cursor, first := "", true; first || cursor != ""; first = false {
					f := tc.filter
					f.Limit, f.Cursor = limit, cursor
					page, next, err := s.Deposits.List(t.Context(), f)
					if err != nil {
						t.Fatal(err)
					}
					if limit > 0 && len(page) > limit {
						t.Fatalf("a page of %d with limit %d", len(page), limit)
					}
					for _, d := range page {
						got = append(got, d.ID)
					}
					cursor = next
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("limit %d: %s", limit, diff)
				}
			}
		})
	}
	if _, _, err := s.Deposits.List(t.Context(), DepositFilter{Cursor: "nonsense"}); kindOf(err) != payment.KindUsage {
		t.Errorf("a bad cursor: %v", err)
	}
}

func TestRecentSends(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	old := pending(t, s, push(t, "INV-1"), "ws_1")
	c.Add(100 * time.Second)
	d := push(t, "INV-2")
	d.Amount = kes(500)
	fresh := pending(t, s, d, "ws_2")
	create(t, s, push(t, "INV-3"))
	d = push(t, "INV-4")
	d.Phone = mustPhone(t, "0712345678")
	pending(t, s, d, "ws_4")
	for _, tc := range []struct {
		name   string
		amount payment.Amount
		within time.Duration
		want   []payment.Deposit
	}{
		{"per phone", payment.Amount{}, 60 * time.Second, []payment.Deposit{fresh}},
		{"per phone and amount", kes(15000), 120 * time.Second, []payment.Deposit{old}},
		{"longer ago", kes(15000), 60 * time.Second, []payment.Deposit{}},
	} {
		got, err := s.Deposits.RecentSends(t.Context(), old.Phone, tc.amount, c.Now().Add(-tc.within))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got, cmpOpts()); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

// TestNotes holds what the ledger keeps of a deposit's way besides deliveries.
func TestNotes(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	c.Add(time.Minute)
	deliver(t, s, callback("ws_1", "REC0000001", 15000))
	seq, _ := s.key(depositPrefix, d.ID)
	rows, err := s.read.QueryContext(t.Context(), "SELECT at, source, status, move, note FROM claims WHERE deposit = ? ORDER BY seq", seq)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var got []note
	for rows.Next() {
		var n note
		var at, move int64
		if err := rows.Scan(&at, &n.source, &n.status, &move, &n.note); err != nil {
			t.Fatal(err)
		}
		n.at, n.move = fromMicros(at), moveOf(move)
		got = append(got, n)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	start := newClock().Now()
	want := []note{
		{at: start, status: payment.StatusUnknown, move: payment.MoveApply, note: "sent"},
		{at: start, source: payment.SourceAnswer, status: payment.StatusPending, move: payment.MoveApply},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(note{})); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsHaveNoSecrets(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	_, err := s.Deposits.Get(t.Context(), "ws_CO_020120260304057254711000222")
	var e *payment.Error
	if !errors.As(err, &e) || e.Message != `no deposit "ws_CO_0201202603040572547*****222" in the ledger` {
		t.Errorf("%v", err)
	}
}
