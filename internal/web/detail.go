package web

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/page"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/trace"
	"github.com/payctl/payctl/internal/view"
)

// detail is everything about one delivery.
type detail struct {
	ID, Title, Back string
	Mark            page.Mark
	Why             string
	Facts           []fact
	Notes           []string
	Headers         []fact
	Body            bodyView
	Copies          []deliveryRow
	Attempts        []attemptRow
	Targets         []target
	Commands        []command
	// Refused is why nothing can be sent again, "" when it can.
	Refused string
}

// bodyView is a body in one of its forms.
type bodyView struct {
	Text, Note string
	Forms      []chip
	Raw        string
	Hex        bool
}

type attemptRow struct {
	N                         int
	At                        moment
	Target, Status, Took, Run string
	Mark                      page.Mark
	Answer                    string
	New                       bool
}

// target is where a delivery may be sent again; Key names it without telling it.
type target struct{ Key, Shown string }

// command is an action as a person would type it.
type command struct{ Text, Does string }

// mostShownBody bounds what is shown of a body, in bytes of what arrived.
const mostShownBody = 64 << 10

// delivery is GET /deliveries/{id}.
func (s *Server) delivery(r *http.Request) (answer, error) {
	ctx, id, q := r.Context(), r.PathValue("id"), queryOf(r)
	d, err := s.Ledger.Deliveries.Get(ctx, id)
	if err != nil {
		return answer{}, err
	}
	shown, err := s.detail(ctx, &d, r)
	if err != nil {
		return answer{}, err
	}
	l := deliveryList{}
	if r.Header.Get(partHeader) != "detail" {
		if l, err = s.deliveryList(r); err != nil {
			return answer{}, err
		}
		for i := range l.Rows {
			l.Rows[i].Selected = l.Rows[i].ID == id
		}
	}
	l.Detail = shown
	shown.Back = q.at("/", "")
	return answer{page: "deliveries", title: "Delivery " + id, data: l}, nil
}

func (s *Server) detail(ctx context.Context, d *store.StoredDelivery, r *http.Request) (*detail, error) {
	v := &detail{ID: d.ID, Title: "unknown", Mark: verdictMark(d.Verdict), Why: s.why(ctx, d), Body: s.bodyView(d, r)}
	if d.Event != nil {
		v.Title = d.Event.Name
		for _, note := range d.Event.Notes {
			v.Notes = append(v.Notes, s.masked(note))
		}
	}
	v.Facts = s.deliveryFacts(d)
	v.Headers = headers(d.Header, s.masked)
	attempts, err := s.Ledger.Deliveries.Attempts(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	for i, at := range attempts {
		v.Attempts = append(v.Attempts, s.attemptRow(i+1, at))
	}
	if r.URL.Query().Get("sent") != "" && len(v.Attempts) > 0 {
		v.Attempts[len(v.Attempts)-1].New = true
	}
	if v.Copies, err = s.copies(ctx, d); err != nil {
		return nil, err
	}
	v.Refused = s.refusal()
	if v.Targets, err = s.targets(ctx, attempts); err != nil {
		return nil, err
	}
	v.Commands = s.commands(d, v.Targets)
	return v, nil
}

// why says why a delivery is believed or not.
func (s *Server) why(ctx context.Context, d *store.StoredDelivery) string {
	if s.Why != nil {
		if more := s.Why(ctx, *d); more != "" {
			return s.masked(more)
		}
	}
	if d.Reason != "" {
		return s.masked(d.Reason)
	}
	switch d.Verdict {
	case payment.VerdictValid:
		return "it proves itself" + matched(d.Matched)
	case payment.VerdictUnsigned:
		return "the provider signs nothing: the path and the ledger vouch for it"
	case payment.VerdictMismatch, payment.VerdictMalformed, payment.VerdictUntrusted, payment.VerdictStray:
	}
	return ""
}

func matched(how string) string {
	if how == "" {
		return ""
	}
	return " (" + how + ")"
}

func (s *Server) deliveryFacts(d *store.StoredDelivery) []fact {
	at := s.moment(d.ReceivedAt)
	facts := []fact{
		{Name: "delivery", Value: d.ID}, {Name: "provider", Value: string(d.Provider)}, {Name: "received", Value: at.Text},
	}
	add := func(name, value, href string) {
		if value != "" {
			facts = append(facts, fact{Name: name, Value: value, Href: href})
		}
	}
	if e := d.Event; e != nil {
		if e.Amount.HasValue() {
			add("amount", e.Amount.String()+" "+string(e.Amount.Currency()), "")
		}
		add("reference", s.masked(e.Reference), "")
		add("receipt", s.masked(e.Receipt), "")
	}
	if d.DepositID != "" {
		add("deposit", d.DepositID, "/deposits/"+d.DepositID)
	} else {
		add("deposit", "none of this ledger", "")
	}
	if d.DuplicateOf != "" {
		add("duplicate of", d.DuplicateOf, "/deliveries/"+d.DuplicateOf)
	}
	if d.SamePaymentAs != "" {
		add("same payment as", d.SamePaymentAs, "/deliveries/"+d.SamePaymentAs)
	}
	add("query", d.QueryID, "")
	add("route", d.Method+" "+d.Route, "")
	add("peer", d.Peer, "")
	add("forwarded for", s.masked(strings.Join(d.Header.Values("X-Forwarded-For"), ", ")), "")
	add("size", strconv.FormatInt(d.Size, 10)+" bytes", "")
	add("sha256", d.SHA256, "")
	return facts
}

// headers are those that may be shown; of the others the names are.
func headers(h http.Header, masked func(string) string) []fact {
	var out []fact
	for name, values := range h {
		f := fact{Name: payment.Cut(name, 80), Value: "(not shown)"}
		if slices.Contains(trace.ShownHeaders(), http.CanonicalHeaderKey(name)) {
			f.Value = masked(strings.Join(values, ", "))
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b fact) int { return strings.Compare(a.Name, b.Name) })
	return out[:min(len(out), mostHeaders)]
}

// mostHeaders bounds the headers that are shown.
const mostHeaders = 100

// bodyView shows the start of a body. What is shown is masked, in hexadecimal too.
func (s *Server) bodyView(d *store.StoredDelivery, r *http.Request) bodyView {
	form := r.URL.Query().Get("body")
	if form != "raw" && form != "hex" {
		form = "pretty"
	}
	v := bodyView{Raw: "/deliveries/" + d.ID + "/body"}
	for _, f := range []string{"pretty", "raw", "hex"} {
		v.Forms = append(v.Forms, chip{Text: f, Href: "/deliveries/" + d.ID + "?body=" + f, On: f == form})
	}
	cut := d.Body[:min(len(d.Body), mostShownBody)]
	body := s.shownBody(d.Body)
	if len(d.Body) > mostShownBody {
		v.Note = fmt.Sprintf("the first %d of %d bytes", len(cut), len(d.Body))
	}
	switch form {
	case "hex":
		v.Text, v.Hex = hex.Dump(body), true
	case "pretty":
		pretty := view.Indented(body)
		v.Text = string(pretty[:min(len(pretty), 4*mostShownBody)])
	default:
		v.Text = string(body)
	}
	if !utf8.ValidString(v.Text) && v.Note == "" {
		v.Note = "not UTF-8; see hex"
	}
	if !s.ShowPhone && !bytes.Equal(body, cut) {
		v.Note = strings.TrimPrefix(v.Note+"; numbers are masked", "; ")
	}
	return v
}

// shownBody is the start of a body as it may be shown. JSON is read whole, since what is a
// credential stands in its names; of anything else a little more than the start is masked,
// or half a number at the end would stay.
func (s *Server) shownBody(body []byte) []byte {
	if len(body) > mostShownBody && !json.Valid(body) {
		body = body[:min(len(body), mostShownBody+64)]
	}
	body = view.Body(body, s.ShowPhone)
	return body[:min(len(body), mostShownBody)]
}

// body is GET /deliveries/{id}/body: what arrived, as it may be shown.
func (s *Server) body(r *http.Request) (answer, error) {
	d, err := s.Ledger.Deliveries.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return answer{}, err
	}
	return answer{file: &file{name: d.ID + ".bin", data: view.Body(d.Body, s.ShowPhone)}}, nil
}

func (s *Server) attemptRow(n int, at store.Attempt) attemptRow {
	v := view.NewAttempt(at, s.ShowPhone)
	row := attemptRow{N: n, At: s.moment(at.At), Target: v.Target, Took: fmt.Sprintf("%.1f ms", v.LatencyMs), Mark: page.Bad, Run: at.RunID}
	if v.Status != nil {
		row.Status = strings.TrimSpace(strconv.Itoa(*v.Status) + " " + http.StatusText(*v.Status))
	}
	if v.Error != nil {
		row.Status = strings.TrimPrefix(row.Status+", "+s.masked(*v.Error), ", ")
	}
	if at.Status >= 200 && at.Status <= 299 {
		row.Mark = page.Good
	}
	if v.Body != nil {
		row.Answer = payment.Cut(*v.Body, 500)
	}
	return row
}

// mostCopies bounds how many deliveries of one event are listed.
const mostCopies = 50

// copies are the other deliveries of the same event.
func (s *Server) copies(ctx context.Context, d *store.StoredDelivery) ([]deliveryRow, error) {
	if d.DepositID == "" && d.QueryID == "" {
		return nil, nil
	}
	first := d.ID
	if d.DuplicateOf != "" {
		first = d.DuplicateOf
	}
	f := store.DeliveryFilter{DepositID: d.DepositID, Limit: 2 * mostCopies}
	if d.DepositID == "" {
		f.QueryID = d.QueryID
	}
	about, _, err := s.Ledger.Deliveries.List(ctx, f)
	about = slices.DeleteFunc(about, func(o store.StoredDelivery) bool {
		return o.ID == d.ID || o.ID != first && o.DuplicateOf != first
	})
	if err != nil || len(about) == 0 {
		return nil, err
	}
	rows, err := s.deliveryRows(ctx, about[:min(len(about), mostCopies)], query{}, "")
	for i := range rows {
		if about[i].SHA256 != d.SHA256 {
			rows[i].Forwards.Name = "other bytes"
		}
	}
	return rows, err
}

// commands are what the page can do, and what it leaves to the command line.
func (s *Server) commands(d *store.StoredDelivery, targets []target) []command {
	run := "payctl" + s.Flags + " "
	if len(targets) == 0 {
		targets = []target{{Shown: "http://127.0.0.1:3000/hook"}}
	}
	var out []command
	for _, t := range targets {
		out = append(out, command{run + "webhook replay " + d.ID + " --to " + quoted(t.Shown), "send it again"})
	}
	to := targets[0].Shown
	out = append(out,
		command{run + "webhook show " + d.ID + " --raw | curl -sS -X POST -H 'Content-Type: application/json' --data-binary @- " + quoted(to), "send the exact bytes with curl"},
		command{run + "webhook show " + d.ID + " --attempts", "show it in the terminal"},
		command{run + "webhook verify --explain --delivery " + d.ID, "check it again"},
	)
	if s.Providers.Row(d.Provider).Proof != nil {
		out = append(out, command{run + "webhook replay " + d.ID + " --set data.status=FAILED --resign --to " + quoted(to), "change it, sign it again and send it"})
	}
	if d.DuplicateOf != "" {
		out = append(out, command{"diff <(" + run + "webhook show " + d.DuplicateOf + " --raw) <(" + run + "webhook show " + d.ID + " --raw)", "compare it with the first copy"})
	}
	return out
}

// quoted is a word for a shell.
func quoted(word string) string {
	if strings.IndexFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:%@+,=", r)
	}) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// shownTarget is a target without what its query holds.
func shownTarget(url string) string { return payment.Cut(deliver.Shown(url), 200) }
