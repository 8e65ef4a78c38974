package reconcile

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile/statement"
)

// Find reads statement files and calls each with their rows about a receipt: those
// that have it, and reversals that name it.
func Find(ctx context.Context, files []Source, receipt string, now time.Time, each func(file string, r statement.Row)) error {
	receipt = statement.NormalReceipt(receipt)
	for _, s := range files {
		f, size, err := s.Open()
		if err != nil {
			return payment.Usage(fmt.Sprintf("statement %s: cannot be read: %s", payment.Line(filepath.Base(s.Name), 120), cause(err)), "check the file and its permissions")
		}
		_, err = statement.Read(ctx, f, size, statement.Options{Name: s.Name, Now: now}, func(r statement.Row) error {
			if r.Receipt == receipt || r.Linked != "" && r.Linked == receipt {
				each(filepath.Base(s.Name), r)
			}
			return nil
		})
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
