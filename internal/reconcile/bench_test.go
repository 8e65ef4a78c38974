package reconcile

import (
	"bufio"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// manyBooks is a ledger of n completed deposits: one is made as any other, and the rest
// are its copies, each with its own keys, receipt, amount and time.
func manyBooks(b *testing.B, n int) *store.Books {
	b.Helper()
	path := filepath.Join(b.TempDir(), "ledger.db")
	open := func() *store.Store {
		s, err := store.Open(b.Context(), store.Options{Path: path, Now: func() time.Time { return clockOf(0) }})
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	s := open()
	d, _, err := s.Deposits.Create(b.Context(), payment.Deposit{
		Provider: payment.Daraja, Environment: payment.Local, Reference: "INV-0", ShortCode: "600123", Amount: payment.AmountOf(100, payment.KES),
	})
	if err == nil {
		_, _, err = s.Deposits.Apply(b.Context(), d.ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceCallback, Receipt: receiptOf(0), At: clockOf(0)})
	}
	if err = errors.Join(err, s.Close()); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := copies(b.Context(), db, n); err != nil {
		b.Fatal(err)
	}
	s = open()
	b.Cleanup(func() { _ = s.Close() })
	return s.Books
}

func copies(ctx context.Context, db *sql.DB, n int) error {
	rows, err := db.QueryContext(ctx, "SELECT name FROM pragma_table_info('deposits') WHERE name <> 'seq'")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	own := map[string]string{
		"reference": "?1", "idempotency_key": "'k' || ?1", "callback_token": "'t' || ?1", "receipt": "?2", "amount": "?3", "created_at": "?4",
	}
	var names, values []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		names, values = append(names, name), append(values, cmp.Or(own[name], name))
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	insert, err := tx.PrepareContext(ctx, "INSERT INTO deposits ("+strings.Join(names, ", ")+") SELECT "+strings.Join(values, ", ")+" FROM deposits WHERE seq = 1")
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	for i := 1; i < n; i++ {
		if _, err := insert.ExecContext(ctx, fmt.Sprint("INV-", i), receiptOf(i), 100+i%5000, clockOf(i).UnixMicro()); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func receiptOf(i int) string {
	return "UK4" + strings.ToUpper(strconv.FormatUint(uint64(i)*0x9e3779b97f4a7c15>>28|1<<34, 36))
}

func clockOf(i int) time.Time { return at("00:20:00").Add(time.Duration(i) * 80 * time.Millisecond) }

func manyRows(b *testing.B, n int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "many.csv")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, _ = w.WriteString(fileB("00:00:00", "23:59:59"))
	for i := n - 1; i >= 0; i-- {
		clock := clockOf(i).Format("15:04:05")
		_, _ = fmt.Fprintf(w, "%s,04-11-2026 %s,04-11-2026 %s,Pay Bill from 25471****678 - ANN **** TEST Acc. INV-%d,Completed,%d.%02d,,,true,Pay Utility,25471****678 - ANN **** TEST,,INV-%d,KES\n",
			receiptOf(i), clock, clock, i, (100+i%5000)/100, (100+i%5000)%100, i)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// peak is the most memory that the process has had, in MB; 0 where nobody says.
func peak() float64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kb, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return kb / 1024
		}
	}
	return 0
}

// BenchmarkReconcile compares a million statement rows with a million deposits of a ledger
// on the disk. The baseline beside it only sorts and joins the same receipts and amounts, which are in
// memory already. Run one of them alone for its memory: -bench 'Reconcile/million'.
func BenchmarkReconcile(b *testing.B) {
	const n = 1_000_000
	b.Run("million", func(b *testing.B) {
		path, books := manyRows(b, n), manyBooks(b, n)
		b.ResetTimer()
		for range b.N {
			r, err := attempt(books, Input{Scope: store.BookScope{Provider: payment.Daraja, Environment: payment.Local}, Files: []Source{FileSource(path)}})
			if err != nil {
				b.Fatal(err)
			}
			if r.Counts[Matched] != n || !r.EquationHolds() || len(r.Differences) != 0 {
				b.Fatalf("matched %d of %d", r.Counts[Matched], n)
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		b.ReportMetric(peak(), "peak-MB")
	})
	b.Run("baseline", func(b *testing.B) {
		type pair struct {
			receipt string
			amount  int64
		}
		for range b.N {
			b.StopTimer()
			mine, theirs := make([]pair, n), make([]pair, n)
			for i := range n {
				mine[i] = pair{receiptOf(i), int64(100 + i%5000)}
				theirs[n-1-i] = mine[i]
			}
			b.StartTimer()
			byReceipt := func(x, y pair) int { return cmp.Compare(x.receipt, y.receipt) }
			slices.SortFunc(mine, byReceipt)
			slices.SortFunc(theirs, byReceipt)
			matched := 0
			for i, j := 0, 0; i < n && j < n; {
				switch c := byReceipt(mine[i], theirs[j]); {
				case c < 0:
					i++
				case c > 0:
					j++
				default:
					if mine[i].amount == theirs[j].amount {
						matched++
					}
					i, j = i+1, j+1
				}
			}
			if matched != n {
				b.Fatalf("matched %d", matched)
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
