package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

// deliveryDetail is one stored delivery with everything about it.
type deliveryDetail struct {
	deliveryView
	Route   string            `json:"route"`
	Reason  *string           `json:"reason"`
	QueryID *string           `json:"query_id"`
	Peer    *string           `json:"peer"`
	Headers map[string]string `json:"headers"`
	// Notes are the oddities that reading it met.
	Notes    []string      `json:"notes"`
	Attempts []attemptView `json:"attempts,omitempty"`

	pretty string
}

// attemptView is one try at sending a delivery on.
type attemptView struct {
	Target    string  `json:"target"`
	At        string  `json:"at"`
	Status    *int    `json:"status"`
	LatencyMs float64 `json:"latency_ms"`
	Error     *string `json:"error"`
	Run       *string `json:"run"`
	Body      *string `json:"body"`
}

// Text writes a delivery for people.
func (v deliveryDetail) Text(t *ui.Text) {
	fields := []ui.Field{
		ui.KV("delivery", ui.Bold(v.ID)), ui.KV("provider", ui.Plain(v.Provider)), ui.KV("route", ui.Plain(v.Route)),
		ui.KV("event", ui.Plain(or(v.Event, ""))), ui.KV("verdict", verdictSpan(v.Verdict)), ui.KV("reason", ui.Plain(or(v.Reason, ""))),
		ui.KV("duplicate of", ui.Plain(or(v.DuplicateOf, ""))), ui.KV("deposit", ui.Plain(or(v.DepositID, ""))),
		ui.KV("query", ui.Plain(or(v.QueryID, ""))), ui.KV("peer", ui.Plain(or(v.Peer, ""))), ui.KV("received", ui.Plain(v.ReceivedAt)),
		ui.KV("sha256", ui.Dim(v.SHA256)),
	}
	for _, note := range v.Notes {
		fields = append(fields, ui.KV("note", ui.Warn(note)))
	}
	t.Fields(fields...)
	for _, name := range sortedKeys(v.Headers) {
		t.Line(ui.Dim("  " + name + ": " + v.Headers[name]))
	}
	t.Block(2, v.pretty)
	for _, at := range v.Attempts {
		result := or(at.Error, "")
		if at.Status != nil {
			result = strings.TrimSpace(itoa(*at.Status) + " " + http.StatusText(*at.Status))
		}
		t.Linef("  attempt %s -> %s: %s (%.1f ms)", at.At, at.Target, result, at.LatencyMs)
	}
}

func newWebhookShow(a *app) *cobra.Command {
	var (
		id            string
		raw, attempts bool
	)
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one stored delivery",
		Long: `Shows one delivery with its headers, its body and why it was or was not believed.
Phone numbers in the body are masked unless --show-phone is given; --raw writes the
exact bytes that arrived and nothing else.`,
		Example: "  payctl webhook show dlv_1\n  payctl webhook show dlv_1 --raw > body.json",
		Args:    oneArg("ID", &id),
		RunE: a.glance(func(ctx context.Context) error {
			ledger, err := a.readLedger(ctx)
			if err != nil {
				return err
			}
			d, err := ledger.Deliveries.Get(ctx, id)
			if err != nil {
				return err
			}
			if raw {
				return a.out.Raw(d.Body)
			}
			view := a.deliveryDetail(d)
			if attempts {
				if view.Attempts, err = a.attemptViews(ctx, ledger, id); err != nil {
					return err
				}
			}
			return a.out.One(view)
		}),
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "write the exact bytes of the body")
	cmd.Flags().BoolVar(&attempts, "attempts", false, "add every attempt at sending it on, with its answer")
	return cmd
}

func (a *app) deliveryDetail(d store.StoredDelivery) deliveryDetail {
	v := deliveryDetail{
		deliveryView: a.deliveryView(d, true), Route: d.Route, Reason: orNull(d.Reason), QueryID: orNull(d.QueryID), Peer: orNull(d.Peer),
		Headers: map[string]string{}, Notes: []string{},
	}
	if d.Event != nil {
		for _, note := range d.Event.Notes {
			v.Notes = append(v.Notes, a.phoneText(note))
		}
	}
	for name, values := range d.Header {
		v.Headers[name] = strings.Join(values, ", ")
		if strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "X-Api-Key") || strings.EqualFold(name, "Cookie") {
			v.Headers[name] = "[redacted]"
		}
	}
	body := a.shownBody(d.Body)
	var pretty bytes.Buffer
	if json.Indent(&pretty, body, "", "  ") == nil {
		v.pretty = pretty.String()
	} else {
		v.pretty = string(body)
	}
	return v
}

func (a *app) attemptViews(ctx context.Context, ledger *store.Store, id string) ([]attemptView, error) {
	stored, err := ledger.Deliveries.Attempts(ctx, id)
	if err != nil {
		return nil, err
	}
	views := []attemptView{}
	for _, at := range stored {
		v := attemptView{
			Target: at.Target, At: rfc3339(at.At), LatencyMs: float64(at.Latency.Microseconds()) / 1000,
			Error: orNull(at.Error), Run: orNull(at.RunID), Body: orNull(a.phoneText(at.Body)),
		}
		if at.Status > 0 {
			v.Status = &at.Status
		}
		views = append(views, v)
	}
	return views, nil
}
