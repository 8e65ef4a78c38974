package store

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

func TestOpenMakesPrivateFiles(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("LOUD SKIP: Windows has no file modes")
	}
	path := filepath.Join(t.TempDir(), "new", "dir", "ledger.db")
	s := openTest(t, Options{Path: path})
	create(t, s, push(t, "INV-1"))
	for name, want := range map[string]os.FileMode{
		filepath.Dir(path): 0o700 | os.ModeDir, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, error %v, want %v", filepath.Base(name), info.Mode(), err, want)
		}
	}
}

func TestOpenTightensModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("LOUD SKIP: Windows has no file modes")
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	openTest(t, Options{Path: path})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
}

func TestOpenIsIdempotent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a ledger with spaces, 100% and #.db")
	var id string
	for i := range 3 {
		s, err := Open(t.Context(), Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			id = create(t, s, push(t, "INV-1")).ID
		}
		deposit(t, s, id)
		checkSound(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closing twice: %v", err)
		}
		if _, _, err := s.Deposits.ClaimSend(t.Context(), payment.Deposit{ID: id}); err == nil {
			t.Error("a write after Close succeeded")
		}
	}
}

// openVersion makes a ledger as an older payctl left it, with more statements run in it.
func openVersion(t *testing.T, version int, more ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db := plantIn(t, path)
	files, err := filepath.Glob("sqlite/migrations/*.sql")
	if err != nil || len(files) < version {
		t.Fatal(files, err)
	}
	statements := []string{"PRAGMA application_id = 0x50794374", "PRAGMA journal_mode = WAL"}
	for _, name := range files[:version] {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		statements = append(statements, string(text))
	}
	statements = append(statements, fmt.Sprintf("PRAGMA user_version = %d", version),
		"INSERT INTO meta (name, value) VALUES ('id_key', '000102030405060708090a0b0c0d0e0f')")
	for _, q := range append(statements, more...) {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// A ledger of the first version is brought up to date, with all that it holds.
func TestOpenMigrates(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{Path: openVersion(t, 1,
		`INSERT INTO deposits VALUES (7, 1, 'daraja', 'sandbox', 'INV-1', 'a test', 'key', 'PENDING', 15000, 'KES', '254711000222',
			'174379', '', 'ws_1', 'mr', '', NULL, '', '', 'token', 1000000, 1000000, 2000000, 3000000)`,
		"INSERT INTO queries VALUES (3, 'transaction_status', 'daraja', 'sandbox', 'ANSWERED', 7, 'R1', '', '{}', 'q', 'AG_1', '', '', '', 1, 1, 1, 1)",
		"INSERT INTO kinds VALUES (1, 'daraja', '/callbacks/daraja/result', 'transaction.result', 'unsigned', 'COMPLETED', 0)",
		`INSERT INTO deliveries VALUES (1, 1, 5000000, 3 + 1099511627776, 42, 7, 3, NULL, 0, 2, NULL, NULL, 'R1', 'AG_1', NULL, NULL, NULL,
			'q', NULL, NULL, NULL, NULL, NULL, '', x'7b7d')`,
		"INSERT INTO daily VALUES (0, 1, 1, 2)", "INSERT INTO deposit_daily VALUES (0, 'daraja', 'sandbox', 'KES', 'PENDING', 1, 15000)",
	)})
	d := deposit(t, s, s.id(depositPrefix, 7))
	want := push(t, "INV-1")
	want.ID, want.IdempotencyKey, want.Status, want.ProviderID, want.MerchantRequestID = d.ID, "key", payment.StatusPending, "ws_1", "mr"
	want.CallbackToken, want.SentAt, want.CreatedAt = "token", fromMicros(1_000_000), fromMicros(1_000_000)
	want.UpdatedAt, want.ExpiresAt = fromMicros(2_000_000), fromMicros(3_000_000)
	if diff := cmp.Diff(want, d, cmpOpts()); diff != "" {
		t.Error(diff)
	}
	// The answer to a question about the deposit is about the deposit.
	for _, f := range []DeliveryFilter{{DepositID: d.ID}, {QueryID: s.id(queryPrefix, 3)}, {DepositID: d.ID, QueryID: s.id(queryPrefix, 3)}} {
		found, _, err := s.Deliveries.List(t.Context(), f)
		if err != nil || len(found) != 1 || found[0].Subject != d.ID {
			t.Errorf("%+v finds %+v, error %v", f, found, err)
		}
	}
	checkSound(t, s)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := func(name string, statements ...string) string {
		path := write(name, nil)
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		for _, q := range statements {
			if _, err := db.ExecContext(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	old := openTest(t, Options{Path: filepath.Join(dir, "newer.db")})
	newer, err := sql.Open("sqlite", old.Path())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newer.ExecContext(t.Context(), "PRAGMA user_version = 999"); err != nil {
		t.Fatal(err)
	}
	if err := newer.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, path string
		readOnly   bool
		want       payment.Kind
		says       string
	}{
		{"text", write("text.db", bytes.Repeat([]byte("not a database\n"), 20)), false, payment.KindUsage, "not a database"},
		{"short", write("short.db", []byte("x")), false, payment.KindUsage, "not a database"},
		{"directory", dir, false, payment.KindUsage, "directory"},
		{"foreign", foreign("foreign.db", "CREATE TABLE t (x)"), false, payment.KindUsage, "another program"},
		{"foreign by id", foreign("id.db", "PRAGMA application_id = 7"), false, payment.KindUsage, "another program"},
		{"newer", old.Path(), false, payment.KindConflict, "schema 999"},
		{"newer read-only", old.Path(), true, payment.KindConflict, "schema 999"},
		{"absent read-only", filepath.Join(dir, "absent.db"), true, payment.KindUsage, "no ledger"},
		{"empty read-only", write("empty.db", nil), true, payment.KindUsage, "empty"},
		{"below a file", filepath.Join(dir, "text.db", "ledger.db"), false, payment.KindUsage, "ledger.db"},
		{"no path", "", false, payment.KindUsage, "empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, _ := os.ReadFile(tc.path)
			s, err := Open(t.Context(), Options{Path: tc.path, ReadOnly: tc.readOnly})
			if err == nil {
				_ = s.Close()
				t.Fatal("opened")
			}
			var e *payment.Error
			if !errors.As(err, &e) || e.Kind != tc.want || !strings.Contains(e.Message, tc.says) || e.Hint == "" {
				t.Errorf("error %q (%v), want %v and %q", err, payment.KindOf(err), tc.want, tc.says)
			}
			if strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error tells the directory or has lines: %q", err)
			}
			after, _ := os.ReadFile(tc.path)
			if tc.name != "newer" && !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestOpenDamaged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, 50)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 8192; i < len(content); i++ {
		content[i] ^= 0x5a
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err = Open(t.Context(), Options{Path: path})
	if err == nil {
		defer func() { _ = s.Close() }()
		_, err = s.Deliveries.Record(t.Context(), callback("ws_1", "", 100))
	}
	if kindOf(err) != payment.KindInternal || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v", err)
	}
}

func TestOpenReadOnly(t *testing.T) {
	t.Parallel()
	place := testPlace(t)
	s := openTest(t, Options{Path: place})
	d := create(t, s, push(t, "INV-1"))
	ro := openTest(t, Options{Path: place, ReadOnly: true})
	deposit(t, ro, d.ID)
	if _, err := ro.Deliveries.Record(t.Context(), callback("ws_1", "", 1)); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("%v", err)
	}
	changed := ro.Changes(t.Context())
	<-changed
	create(t, s, push(t, "INV-2"))
	<-changed
}

func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	path := testPlace(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := Open(t.Context(), Options{Path: path})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = s.Close() }()
			if err := s.Ping(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	checkSound(t, openTest(t, Options{Path: path}))
}
