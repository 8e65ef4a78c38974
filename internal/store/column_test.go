package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// TestColumns holds that every column of every table is listed, and leads to the
// field that has its name: two columns of one type that change places are found.
func TestColumns(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	checkColumns(t, s, s.tables.deposits)
	checkColumns(t, s, s.tables.deliveries)
	checkColumns(t, s, s.tables.kinds)
	checkColumns(t, s, s.tables.queries)
	checkColumns(t, s, s.tables.notes)
	checkColumns(t, s, s.tables.wallet)
	checkColumns(t, s, s.tables.forwards)
	checkColumns(t, s, s.tables.attempts)
	checkColumns(t, s, s.tables.runs)
	for _, fault := range misplaced(func(d *depositRow, to []column) []column {
		list := depositColumns(d, to)
		list[4].at, list[5].at = list[5].at, list[4].at
		return list
	}) {
		if !strings.HasPrefix(fault, "reference ") && !strings.HasPrefix(fault, "description ") {
			t.Errorf("%s", fault)
		}
	}
	if got := misplaced(depositColumns); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func checkColumns[T any](t *testing.T, s *Store, list *table[T]) {
	t.Helper()
	query := "SELECT name FROM pragma_table_info(?) ORDER BY cid"
	if testServer() != "" {
		query = `SELECT attname FROM pg_attribute WHERE attrelid = CAST(CAST(? AS TEXT) AS regclass)
			AND attnum > 0 AND NOT attisdropped AND attname <> 'stored_at' ORDER BY attnum`
	}
	rows, err := s.read.QueryContext(t.Context(), query, list.name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var want, got []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, c := range list.list(new(T), nil) {
		got = append(got, c.name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the columns of %s (-schema +list):\n%s", list.name, diff)
	}
	for _, fault := range misplaced(list.list) {
		t.Errorf("%s: %s", list.name, fault)
	}
}

// misplaced returns the columns that lead to a field of another name.
func misplaced[T any](columns func(*T, []column) []column) []string {
	row := new(T)
	var out []string
	for _, c := range columns(row, nil) {
		at := reflect.ValueOf(c.at)
		if at.Kind() == reflect.Struct {
			at = at.Field(0) // a cell around a pointer
		}
		want := strings.ReplaceAll(c.name, "_", "")
		if want == "currency" {
			want = "amount"
		}
		if got := fieldAt(reflect.ValueOf(row).Elem(), at.Pointer(), at.Type().Elem().Size()); strings.ToLower(got) != want {
			out = append(out, fmt.Sprintf("%s leads to the field %q", c.name, got))
		}
	}
	return out
}

// fieldAt names the field at an address, looking into embedded and inner structs.
func fieldAt(v reflect.Value, at, size uintptr) string {
	for i := range v.NumField() {
		f := v.Field(i)
		from := f.UnsafeAddr()
		switch {
		case at == from && size == f.Type().Size():
			return v.Type().Field(i).Name
		case f.Kind() == reflect.Struct && at >= from && at < from+f.Type().Size():
			return fieldAt(f, at, size)
		}
	}
	return ""
}

// TestColumnsRoundTrip holds that a row that is written, changed in each of its
// columns and read again is the same.
func TestColumnsRoundTrip(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	roundTrip(t, s, s.tables.queries)
	roundTrip(t, s, s.tables.deliveries)
	roundTrip(t, s, s.tables.forwards)
	roundTrip(t, s, s.tables.wallet)
	roundTrip(t, s, s.tables.runs)
	roundTrip(t, s, s.tables.deposits)
	roundTrip(t, s, s.tables.attempts)
}

func roundTrip[T any](t *testing.T, s *Store, list *table[T]) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var first, second, got T
	fillColumns(random, list.list(&first, nil)[1:])
	fillColumns(random, list.list(&second, nil)[1:])
	undo := fmt.Errorf("undo")
	err := s.do(t.Context(), "round trip", func(ctx context.Context, x *tx) error {
		anyKey := "PRAGMA defer_foreign_keys = 1"
		if testServer() != "" {
			anyKey = "SET LOCAL session_replication_role = replica"
		}
		if err := x.exec(ctx, anyKey); err != nil {
			return err
		}
		key, n, err := list.add(ctx, x, &first)
		if err != nil || n != 1 {
			return fmt.Errorf("add %d: %w", n, err)
		}
		*list.list(&first, nil)[0].at.(*integer) = integer(key)
		*list.list(&second, nil)[0].at.(*integer) = integer(key)
		if got, err = list.one(ctx, x, "WHERE "+list.list(&first, nil)[0].name+" = ?", key); err != nil {
			return err
		}
		sameColumns(t, list.name+" added", list.list(&first, nil), list.list(&got, nil))
		if err := list.update(ctx, x, &first, &second); err != nil {
			return err
		}
		if got, err = list.one(ctx, x, "WHERE "+list.list(&first, nil)[0].name+" = ?", key); err != nil {
			return err
		}
		sameColumns(t, list.name+" updated", list.list(&second, nil), list.list(&got, nil))
		return undo
	})
	if err == nil || !strings.Contains(err.Error(), "undo") {
		t.Errorf("%s: %v", list.name, err)
	}
}

func sameColumns(t *testing.T, what string, want, got []column) {
	t.Helper()
	for i := range want {
		if !want[i].at.same(got[i].at) {
			t.Errorf("%s: %s is %v, want %v", what, want[i].name, got[i].at.bind(), want[i].at.bind())
		}
	}
}

// fillColumns gives every column a value of its own, NUL and broken UTF-8 left out.
func fillColumns(random *rand.Rand, columns []column) {
	for _, c := range columns {
		n := random.Int64N(1 << 30)
		word := fmt.Sprintf("%s %d", c.name, n)
		switch at := c.at.(type) {
		case *integer:
			*at = integer(n)
		case *key:
			*at = key(n)
		case *digest:
			*at = digest{Int64: n, Valid: true}
		case *text:
			*at = text(word)
		case *words:
			*at = words(word)
		case *maybe:
			*at = maybe{String: word, Valid: true}
		case *document:
			*at = document(`{"n":1}`)
		case *status:
			*at = status(payment.StatusPending)
		case *msisdn:
			p, _ := payment.ParsePhone(fmt.Sprintf("07%08d", n%100_000_000))
			*at = msisdn(p)
		case *cents:
			*at = cents(payment.AmountOf(n, payment.KES))
		case *minor:
			*at = minor(payment.AmountOf(n, payment.KES))
		case *instant:
			*at = instant(fromMicros(n))
		case *moment:
			*at = moment(fromMicros(n))
		case *move:
			*at = move(payment.MoveApply)
		case *boolean:
			*at = true
		case *blob:
			*at = blob(word)
		case *conflict:
			*at = conflict{Since: fromMicros(n), Between: [2]string{word, "b"}, Reason: word}
		case *reversal:
			*at = reversal{Status: payment.StatusPending, Receipt: word, At: fromMicros(n)}
		case failure:
			*at.at = &payment.Failure{Code: word}
		case *currency, *money: // with the amount
		default:
			panic(fmt.Sprintf("no value for a %T", at))
		}
	}
}

// TestJudgedColumns holds that a deposit is read whole before it is judged once it has
// anything that the judged columns leave out.
func TestJudgedColumns(t *testing.T) {
	t.Parallel()
	if testServer() != "" {
		t.Skip("a server's deposits are always read whole")
	}
	s := openTest(t, Options{})
	values := map[string]string{
		"": "status = status", "unknown": "status = 'UNKNOWN'", "failure": `failure = '{"code":"1"}'`, "paid_at": "paid_at = 1",
		"conflict": `conflict = '{"since":1,"between":["a","b"],"reason":"r"}'`, "reversal": `reversal = '{"status":"PENDING","receipt":"","at":1}'`,
		"adopted": "adopted = 1", "by_reference": "by_reference = 1", "twins": "twins = 1", "called_back": "called_back = 1",
	}
	for _, c := range depositColumns(new(depositRow), nil) {
		if _, set := values[c.name]; rare(c.name) && !set {
			values[c.name] = c.name + " = 'x'"
		}
	}
	for name, value := range values {
		d := create(t, s, push(t, "INV-"+name))
		err := s.do(t.Context(), "read", func(ctx context.Context, x *tx) error {
			seq, _ := s.key(depositPrefix, d.ID)
			if err := x.exec(ctx, "UPDATE deposits SET "+value+" WHERE seq = ?", seq); err != nil {
				return err
			}
			want, err := s.depositBy(ctx, x, "seq = ?", seq)
			if err != nil {
				return err
			}
			l := look{x, newKnown()}
			if err := l.byKeys(ctx, []int64{seq}); err != nil {
				return err
			}
			want.Description, want.IdempotencyKey, want.FieldsHash, want.ExpiresAt = "", "", "", time.Time{}
			if name == "" {
				want.Phone, want.Wallet = payment.Phone{}, ""
			}
			got := l.known.deposits[seq]
			if got == nil || !depositEqual(got.Deposit, want.Deposit) || got.twins != want.twins || got.calledBack != want.calledBack || got.shelf != want.shelf {
				t.Errorf("with %s: read %+v, want %+v", value, got, want)
			}
			return nil
		})
		if err != nil {
			t.Error(name, err)
		}
	}
}
