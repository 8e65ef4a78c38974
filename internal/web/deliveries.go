package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/page"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// query is what a list is asked for. It stands in the address, so that a page can be kept
// and passed on.
type query struct {
	Filter, Show, Since, Cursor string
}

func queryOf(r *http.Request) query {
	q := r.URL.Query()
	return query{Filter: strings.TrimSpace(q.Get("filter")), Show: q.Get("show"), Since: q.Get("since"), Cursor: q.Get("cursor")}
}

// at is the address of a path with the query; the cursor is the caller's to give.
func (q query) at(path, cursor string) string {
	v := url.Values{}
	for name, value := range map[string]string{"filter": q.Filter, "show": q.Show, "since": q.Since, "cursor": cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// chip is a ready-made choice.
type chip struct {
	Text, Href string
	On         bool
}

func (q query) chips(path string, choices ...[2]string) []chip {
	out := make([]chip, len(choices))
	for i, c := range choices {
		to := q
		to.Show = c[0]
		out[i] = chip{Text: c[1], Href: to.at(path, ""), On: q.Show == c[0]}
	}
	return out
}

// list is what every page with a list shows.
type list struct {
	Path, Filter, Show, Since string
	Chips                     []chip
	// Error is what is wrong with the filter, Hint what fits.
	Error, Hint string
	// Older leads on, "" at the end; Looked says how far a search went.
	Older, Looked string
}

// deliveryList is the page of deliveries.
type deliveryList struct {
	list
	Rows   []deliveryRow
	Detail *detail
	Empty  *emptyDeliveries
}

// emptyDeliveries says what to do where nothing has arrived.
type emptyDeliveries struct {
	Filtered  bool
	Addresses []string
	Secret    string
	Trigger   string
	Listen    string
}

type deliveryRow struct {
	ID, Href, Provider, Event, Verdict, Amount, Reference string
	Mark                                                  page.Mark
	At                                                    moment
	Deposit                                               string
	Duplicate, Selected                                   bool
	Forwards                                              fact
}

// moment is a time for people and for programs.
type moment struct{ Text, Short, Machine string }

func (s *Server) moment(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	local := t.In(s.Zone)
	short := local.Format("15:04:05")
	if now := s.Now().In(s.Zone); now.Format(time.DateOnly) != local.Format(time.DateOnly) {
		short = local.Format("01-02 15:04:05")
	}
	return moment{local.Format("2006-01-02 15:04:05.000 MST"), short, t.UTC().Format(time.RFC3339Nano)}
}

// deliveries is GET /.
func (s *Server) deliveries(r *http.Request) (answer, error) {
	l, err := s.deliveryList(r)
	return answer{page: "deliveries", title: "Deliveries", data: l}, err
}

func (s *Server) deliveryList(r *http.Request) (deliveryList, error) {
	ctx, q := r.Context(), queryOf(r)
	l := deliveryList{list: list{
		Path: "/", Filter: q.Filter, Show: q.Show, Since: q.Since,
		Chips: q.chips("/", [2]string{"", "All"}, [2]string{"unbelieved", "Not believed"}, [2]string{"failed", "Forward failed"}, [2]string{"unmatched", "Unmatched"}),
	}}
	got, err := s.findDeliveries(ctx, q)
	if payment.KindOf(err) == payment.KindUsage && err != nil {
		l.Error, l.Hint = words(err)
		return l, nil
	}
	if err != nil {
		return l, err
	}
	if l.Rows, err = s.deliveryRows(ctx, got.items, q, ""); err != nil {
		return l, err
	}
	if got.next != "" {
		l.Older = q.at("/", got.next)
		if len(got.items) < pageRows && got.last != nil {
			l.Looked = fmt.Sprintf("looked through %d, back to %s", got.looked, s.moment(got.last.ReceivedAt).Text)
		}
	}
	if len(l.Rows) == 0 && q.Cursor == "" {
		l.Empty = s.emptyDeliveries(q)
	}
	return l, nil
}

func words(err error) (message, hint string) {
	if e, ok := errors.AsType[*payment.Error](err); ok {
		return e.Message, e.Hint
	}
	return err.Error(), ""
}

// findDeliveries reads a page of what a query asks for.
func (s *Server) findDeliveries(ctx context.Context, q query) (found[store.StoredDelivery], error) {
	f := store.DeliveryFilter{}
	var keep func(store.StoredDelivery) (bool, error)
	switch q.Show {
	case "":
	case "unbelieved":
		f.Verdicts = []payment.Verdict{payment.VerdictMismatch, payment.VerdictMalformed, payment.VerdictUntrusted, payment.VerdictStray}
	case "failed":
		f.Failed = true
	case "unmatched":
		keep = func(d store.StoredDelivery) (bool, error) { return d.DepositID == "" && d.QueryID == "", nil }
	default:
		return found[store.StoredDelivery]{}, payment.Usage("show "+payment.Quote(q.Show, 40)+": is not a choice", "use unbelieved, failed or unmatched")
	}
	var err error
	if f.Since, err = parseSince(q.Since); err != nil {
		return found[store.StoredDelivery]{}, err
	}
	wanted, err := compile(q.Filter, s.Deliveries)
	if err != nil {
		return found[store.StoredDelivery]{}, err
	}
	return scan(ctx, s, q.Cursor, func(cursor string, limit int) ([]store.StoredDelivery, string, error) {
		f.Cursor, f.Limit = cursor, limit
		return s.Ledger.Deliveries.List(ctx, f)
	}, both(keep, wanted))
}

// mostFilter bounds an expression, in bytes.
const mostFilter = 2000

// compile compiles an expression; "" keeps all.
func compile[T any](text string, with func(string) (func(T) (bool, error), error)) (func(T) (bool, error), error) {
	switch {
	case text == "":
		return nil, nil //nolint:nilnil // no filter keeps all
	case len(text) > mostFilter:
		return nil, payment.Usage("filter: it is too long", "write a shorter one")
	}
	return with(text)
}

func (s *Server) deliveryRows(ctx context.Context, items []store.StoredDelivery, q query, selected string) ([]deliveryRow, error) {
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].ID
	}
	progress, err := s.Ledger.Deliveries.Progress(ctx, ids...)
	if err != nil {
		return nil, err
	}
	about := make([]string, len(items))
	for i := range items {
		about[i] = items[i].DepositID
	}
	references, err := s.Ledger.Deposits.References(ctx, about...)
	if err != nil {
		return nil, err
	}
	rows := make([]deliveryRow, len(items))
	for i := range items {
		rows[i] = s.deliveryRow(&items[i], progress[items[i].ID])
		if rows[i].Reference == "" {
			rows[i].Reference = s.masked(references[items[i].DepositID])
		}
		rows[i].Href = q.at("/deliveries/"+items[i].ID, "")
		rows[i].Selected = items[i].ID == selected
	}
	return rows, nil
}

func (s *Server) deliveryRow(d *store.StoredDelivery, p store.Progress) deliveryRow {
	row := deliveryRow{
		ID: d.ID, Provider: string(d.Provider), Verdict: string(d.Verdict), Mark: verdictMark(d.Verdict), At: s.moment(d.ReceivedAt),
		Deposit: d.DepositID, Duplicate: d.DuplicateOf != "", Forwards: forwards(p), Event: "unknown",
	}
	if e := d.Event; e != nil {
		row.Event, row.Reference = e.Name, s.masked(e.Reference)
		if e.Amount.HasValue() {
			row.Amount = e.Amount.String()
		}
	}
	return row
}

// masked is a text from outside, cut and with numbers masked unless they are wanted.
func (s *Server) masked(text string) string {
	if !s.ShowPhone {
		text = payment.MaskDigits(text)
	}
	return payment.Cut(text, 200)
}

func verdictMark(v payment.Verdict) page.Mark {
	switch v {
	case payment.VerdictValid:
		return page.Good
	case payment.VerdictUnsigned:
		return page.Plain
	case payment.VerdictMismatch, payment.VerdictMalformed, payment.VerdictUntrusted, payment.VerdictStray:
		return page.Bad
	}
	return page.Warn
}

// forwards says how far a delivery got.
func forwards(p store.Progress) fact {
	switch {
	case p.Targets == 0:
		return fact{}
	case p.Dead > 0:
		return fact{Value: fmt.Sprintf("%d of %d, %d dead", p.Taken, p.Targets, p.Dead), Mark: page.Bad}
	case p.Waiting > 0:
		return fact{Value: fmt.Sprintf("%d of %d, waits", p.Taken, p.Targets), Mark: page.Warn}
	case p.Taken < p.Targets:
		return fact{Value: fmt.Sprintf("%d of %d", p.Taken, p.Targets), Mark: page.Bad}
	}
	return fact{Value: fmt.Sprintf("%d of %d", p.Taken, p.Targets), Mark: page.Good}
}

func (s *Server) emptyDeliveries(q query) *emptyDeliveries {
	e := &emptyDeliveries{
		Filtered: q.Filter != "" || q.Show != "" || q.Since != "",
		Listen:   "payctl" + s.Flags + " listen", Trigger: "payctl" + s.Flags + " webhook trigger stk.completed --to http://127.0.0.1:4020/callbacks/daraja/stk",
	}
	if e.Filtered {
		return e
	}
	base := s.CallbackURL
	if base == "" {
		base = "https://YOUR-HOST"
	}
	for _, route := range s.Providers.Routes() {
		e.Addresses = append(e.Addresses, base+route.Path)
	}
	// A secret path is a secret: where it is in use, the command tells it, not the page.
	e.Secret = "payctl" + s.Flags + " listen --print-secret-path"
	return e
}
