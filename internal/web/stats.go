package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/payctl/payctl/internal/page"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/stats"
	"github.com/payctl/payctl/internal/view"
)

// statsPage is the counts of a time, drawn.
type statsPage struct {
	Spans  []chip
	From   string
	Tiles  []fact
	Charts []chart
	Text   command
}

// chart is bars with their names and counts.
type chart struct {
	Title, Note, Empty string
	Bars               []bar
}

// bar is one count; Width is of a hundred.
type bar struct {
	Name, Count, Href string
	Width             string
	Mark              page.Mark
}

// spans are the times that can be looked at.
func spans() []struct {
	Name string
	Back time.Duration
} {
	return []struct {
		Name string
		Back time.Duration
	}{{"1h", time.Hour}, {"24h", 24 * time.Hour}, {"7d", 7 * 24 * time.Hour}}
}

// report counts over the time that a request names.
func (s *Server) report(ctx context.Context, r *http.Request) (*stats.Report, string, error) {
	span := r.URL.Query().Get("span")
	back := time.Duration(0)
	for _, sp := range spans() {
		if sp.Name == span {
			back = sp.Back
		}
	}
	if back == 0 {
		span, back = "24h", 24*time.Hour
	}
	now := s.Now()
	report, err := stats.Run(ctx, s.Ledger.Rollups, stats.Input{
		Environment: s.Environment, Since: now.Add(-back), Until: now, Now: now, Zone: s.Zone, Meaning: s.meaning,
	})
	return report, span, err
}

func (s *Server) meaning(id payment.ProviderID, code string) string {
	row := s.Providers.Row(id)
	if row.Explainer == nil {
		return ""
	}
	if found := row.Explainer.Explain(code, payment.CodeQuery{}); len(found) > 0 {
		return found[0].Text
	}
	return ""
}

// stats is GET /stats.
func (s *Server) stats(r *http.Request) (answer, error) {
	report, span, err := s.report(r.Context(), r)
	if err != nil {
		return answer{}, err
	}
	v := view.NewStats(report, s.Zone)
	p := statsPage{From: s.moment(report.Since).Text, Text: command{"payctl" + s.Flags + " stats --since " + sinceOf(span), "the same in the terminal"}}
	for _, sp := range spans() {
		p.Spans = append(p.Spans, chip{Text: sp.Name, Href: "/stats?span=" + sp.Name, On: sp.Name == span})
	}
	p.Tiles = []fact{
		{Name: "asked", Value: fmt.Sprint(v.Asked)},
		{Name: "completed", Value: fmt.Sprint(v.Completed), Mark: page.Good},
		{Name: "failed", Value: fmt.Sprint(v.Failed)},
		{Name: "undecided", Value: fmt.Sprint(v.Undecided)},
		{Name: "money in", Value: v.Amount + " " + v.Currency},
	}
	if v.Undecided > 0 {
		p.Tiles[3].Mark = page.Warn
	}
	p.Charts = []chart{outcomes(report), settle(report), verdicts(report), forwarded(report)}
	for i := range p.Charts {
		p.Charts[i].scale()
	}
	return answer{page: "stats", title: "Stats", data: p}, nil
}

// sinceOf is a span as --since takes it.
func sinceOf(span string) string {
	if span == "7d" {
		return "168h"
	}
	return span
}

// scale widens the bars to the largest.
func (c *chart) scale() {
	most := int64(1)
	counts := make([]int64, len(c.Bars))
	for i := range c.Bars {
		_, _ = fmt.Sscan(c.Bars[i].Count, &counts[i]) // our own number
		most = max(most, counts[i])
	}
	for i := range c.Bars {
		c.Bars[i].Width = fmt.Sprintf("%.1f", 100*float64(counts[i])/float64(most))
	}
}

func depositsOf(filter string) string {
	return "/deposits?" + url.Values{"filter": {filter}}.Encode()
}

func outcomes(r *stats.Report) chart {
	c := chart{Title: "Outcomes", Empty: "Nothing was asked for."}
	add := func(name string, n int64, href string, m page.Mark) {
		if n > 0 {
			c.Bars = append(c.Bars, bar{Name: name, Count: fmt.Sprint(n), Href: href, Mark: m})
		}
	}
	add("completed", r.Completed, depositsOf(`status == "COMPLETED"`), page.Good)
	for _, reason := range r.Reasons {
		name := reason.Code
		if name == "" {
			name = "no code"
		}
		if reason.Meaning != "" {
			name += " " + reason.Meaning
		}
		add(payment.Cut(name, 60), reason.Count, depositsOf(fmt.Sprintf("status == \"FAILED\" && failure_code == %q", reason.Code)), page.Bad)
	}
	add("undecided", r.Undecided, depositsOf(`status in ["PENDING", "UNKNOWN", "CREATED"]`), page.Warn)
	return c
}

func settle(r *stats.Report) chart {
	c := chart{Title: "From push to decision", Empty: "Nothing is decided."}
	for _, b := range r.Buckets {
		name := fmt.Sprintf("%d to %d s", int(b.From.Seconds()), int(b.To.Seconds()))
		if b.To == 0 {
			name = fmt.Sprintf("over %d s", int(b.From.Seconds()))
		}
		c.Bars = append(c.Bars, bar{Name: name, Count: fmt.Sprint(b.N), Href: depositsOf(fmt.Sprintf("status in [\"COMPLETED\", \"FAILED\"] && updated_at - created_at >= duration(\"%ds\")", int(b.From.Seconds())))})
	}
	if r.HasSettle {
		c.Note = fmt.Sprintf("%s for half, %s for 95 of 100", r.P50, r.P95)
	}
	return c
}

func verdicts(r *stats.Report) chart {
	c := chart{Title: "Deliveries by verdict", Note: "whole days", Empty: "Nothing arrived."}
	for _, v := range []payment.Verdict{
		payment.VerdictValid, payment.VerdictUnsigned, payment.VerdictMismatch, payment.VerdictMalformed, payment.VerdictUntrusted, payment.VerdictStray,
	} {
		if n := r.Verdicts[v]; n > 0 {
			c.Bars = append(c.Bars, bar{Name: string(v), Count: fmt.Sprint(n), Href: "/?" + url.Values{"filter": {fmt.Sprintf("verdict == %q", v)}}.Encode(), Mark: verdictMark(v)})
		}
	}
	return c
}

func forwarded(r *stats.Report) chart {
	c := chart{Title: "Forwards", Note: "attempts of whole days, and what waits now", Empty: "Nothing was to be forwarded."}
	for _, b := range []struct {
		name string
		n    int64
		href string
		mark page.Mark
	}{
		{"taken", r.Forwards.Taken, "/", page.Good},
		{"refused", r.Forwards.Refused, "/?show=failed", page.Bad},
		{"waiting", r.Forwards.Waiting, "/?show=failed", page.Warn},
		{"dead", r.Forwards.Dead, "/?show=failed", page.Bad},
	} {
		if b.n > 0 {
			c.Bars = append(c.Bars, bar{Name: b.name, Count: fmt.Sprint(b.n), Href: b.href, Mark: b.mark})
		}
	}
	return c
}
