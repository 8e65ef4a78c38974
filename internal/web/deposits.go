package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/payctl/payctl/internal/page"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/trace"
	"github.com/payctl/payctl/internal/view"
)

// depositList is the page of deposits.
type depositList struct {
	list
	Rows []depositRow
	// Create is what to type where there is none; Filtered that a choice left none.
	Create   string
	Filtered bool
}

type depositRow struct {
	ID, Href, Status, Amount, Reference, Phone, Receipt, DecidedBy, Age string
	Mark                                                                page.Mark
	At                                                                  moment
	// Odd is what speaks against it, "" for nothing.
	Odd string
}

// stale is the age at which a deposit should have been decided.
const stale = 3 * time.Minute

// deposits is GET /deposits.
func (s *Server) deposits(r *http.Request) (answer, error) {
	ctx, q := r.Context(), queryOf(r)
	l := depositList{list: list{
		Path: "/deposits", Filter: q.Filter, Show: q.Show, Since: q.Since,
		Chips: q.chips("/deposits", [2]string{"", "All"}, [2]string{"stale", "Pending > 3 min"}, [2]string{"unknown", "Unknown"}, [2]string{"conflict", "Contradictions"}),
	}}
	got, err := s.findDeposits(ctx, q)
	switch {
	case err != nil && payment.KindOf(err) == payment.KindUsage:
		l.Error, l.Hint = words(err)
	case err != nil:
		return answer{}, err
	}
	if l.Rows, err = s.depositRows(ctx, got.items, q); err != nil {
		return answer{}, err
	}
	if got.next != "" {
		l.Older = q.at("/deposits", got.next)
		if len(got.items) < pageRows && got.last != nil {
			l.Looked = fmt.Sprintf("looked through %d, back to %s", got.looked, s.moment(got.last.CreatedAt).Text)
		}
	}
	l.Filtered = q.Filter != "" || q.Show != "" || q.Since != ""
	l.Create = "payctl" + s.Flags + " deposit create --phone 0712345678 --amount 100 --reference INV-1 --wait"
	return answer{page: "deposits", title: "Deposits", data: l}, nil
}

func (s *Server) findDeposits(ctx context.Context, q query) (found[payment.Deposit], error) {
	f := store.DepositFilter{Environment: s.Environment}
	switch q.Show {
	case "":
	case "stale":
		f.Statuses, f.Until = []payment.Status{payment.StatusPending}, s.Now().Add(-stale)
	case "unknown":
		f.Statuses = []payment.Status{payment.StatusUnknown}
	case "conflict":
		f.Conflict = true
	default:
		return found[payment.Deposit]{}, payment.Usage("show "+payment.Quote(q.Show, 40)+": is not a choice", "use stale, unknown or conflict")
	}
	var err error
	if f.Since, err = parseSince(q.Since); err != nil {
		return found[payment.Deposit]{}, err
	}
	wanted, err := compile(q.Filter, s.Deposits)
	if err != nil {
		return found[payment.Deposit]{}, err
	}
	return scan(ctx, s, q.Cursor, func(cursor string, limit int) ([]payment.Deposit, string, error) {
		f.Cursor, f.Limit = cursor, limit
		return s.Ledger.Deposits.List(ctx, f)
	}, wanted)
}

func (s *Server) depositRows(ctx context.Context, items []payment.Deposit, q query) ([]depositRow, error) {
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].ID
	}
	doubts, err := s.Ledger.Deposits.Doubts(ctx, ids...)
	if err != nil {
		return nil, err
	}
	rows := make([]depositRow, len(items))
	for i := range items {
		rows[i] = s.depositRow(&items[i], len(doubts[items[i].ID]))
		rows[i].Href = q.at("/deposits/"+items[i].ID, "")
	}
	return rows, nil
}

func (s *Server) depositRow(d *payment.Deposit, doubts int) depositRow {
	row := depositRow{
		ID: d.ID, Status: string(d.Status), Reference: s.masked(d.Reference), Phone: s.phoneOf(d), Receipt: s.masked(d.Receipt),
		DecidedBy: view.DecidedBy(d.DecidedBy), At: s.moment(d.CreatedAt), Age: trace.Words(max(s.Now().Sub(d.CreatedAt), 0).Round(time.Second)),
		Mark: statusMark(d.Status),
	}
	if d.Amount.HasValue() {
		row.Amount = d.Amount.String()
	}
	switch {
	case !d.Conflict.IsZero():
		row.Odd, row.Mark = "contradiction", page.Bad
	case doubts == 1:
		row.Odd = "1 doubt"
	case doubts > 1:
		row.Odd = fmt.Sprintf("%d doubts", doubts)
	}
	return row
}

func (s *Server) phoneOf(d *payment.Deposit) string {
	if s.ShowPhone {
		return d.Phone.MSISDN()
	}
	return d.Phone.String()
}

func statusMark(status payment.Status) page.Mark {
	switch status {
	case payment.StatusCompleted:
		return page.Good
	case payment.StatusFailed:
		return page.Bad
	case payment.StatusUnknown:
		return page.Warn
	case payment.StatusCreated, payment.StatusPending:
	}
	return page.Plain
}
