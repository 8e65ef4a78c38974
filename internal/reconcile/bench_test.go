package reconcile

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"iter"
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

// manyBooks is a ledger of n deposits that are made while they are read, so that the
// benchmark holds none of them.
type manyBooks int

func (n manyBooks) rows() iter.Seq[store.BookRow] {
	return func(yield func(store.BookRow) bool) {
		for i := range int(n) {
			r := store.BookRow{
				Key: int64(i + 1), Receipt: receiptOf(i), Status: payment.StatusCompleted, ShortCode: "600123",
				Amount: payment.AmountOf(int64(100+i%5000), payment.KES), At: clockOf(i),
			}
			if !yield(r) {
				return
			}
		}
	}
}

func (n manyBooks) Between(_ context.Context, _ store.BookScope, _, _ time.Time, each func(store.BookRow) error) error {
	for r := range n.rows() {
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

func (manyBooks) WithReceipts(context.Context, store.BookScope, []string, func(store.BookRow) error) error {
	return nil
}

func (manyBooks) ID(store.BookSource, int64) string { return "dep" }

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

// BenchmarkReconcile compares a million statement rows with a million deposits. The
// baseline beside it only sorts and joins the same receipts and amounts, which are in
// memory already. Run one of them alone for its memory: -bench 'Reconcile/million'.
func BenchmarkReconcile(b *testing.B) {
	const n = 1_000_000
	b.Run("million", func(b *testing.B) {
		path := manyRows(b, n)
		b.ResetTimer()
		for range b.N {
			r, err := attempt(manyBooks(n), Input{Files: []Source{FileSource(path)}})
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
