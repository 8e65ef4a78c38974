package daraja

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// TestPullEnd holds that code 1001 proves nothing, and that its message is told and read.
func TestPullEnd(t *testing.T) {
	t.Parallel()
	none := func(message string) string {
		return `{"ResponseRefID":"1","ResponseCode":"1001","ResponseMessage":"` + message + `","Response":[[]]}`
	}
	for body, want := range map[string]payment.Kind{
		string(field(t, "13-pull-query-1001-with-a-failure-message.json")): payment.KindUsage,
		none("No transactions found"):                                      payment.KindPending,
		none(""):                                                           payment.KindPending,
		none("Invalid access token"):                                       payment.KindUnauthorized,
		none("Service busy, try again later"):                              payment.KindUnavailable,
	} {
		g := newGateway(t, answer{status: 200, body: body})
		end, err := g.client().PullAll(t.Context(), noon().Add(-time.Hour), noon(), func(PullRow) error { return nil })
		if err != nil || !end.Ambiguous || payment.KindOf(end.Err()) != want {
			t.Errorf("%s: %+v, %v, %v, want %s", body, end, end.Err(), err, want)
		}
		if said := end.Err().Error(); !strings.Contains(said, "no proof that there are none") || !strings.Contains(said, end.Message) {
			t.Errorf("%s: %s", body, said)
		}
	}
	g := newGateway(t, answer{status: 200, body: `{"ResponseCode":"1000","Response":[{"transactionId":"UA2K7QX9ZA"}]}`}, answer{status: 200, body: none("No transactions found")})
	end, err := g.client().PullAll(t.Context(), noon().Add(-time.Hour), noon(), func(PullRow) error { return nil })
	if err != nil || end.Err() != nil {
		t.Errorf("a listing that ends with 1001: %+v, %v", end, err)
	}
	g = newGateway(t, answer{status: 200, body: `{"ResponseCode":"1000","ResponseMessage":"Success","Response":[]}`})
	if end, err := g.client().PullAll(t.Context(), noon().Add(-time.Hour), noon(), func(PullRow) error { return nil }); err != nil || end.Err() != nil {
		t.Errorf("an empty listing that is a success: %+v, %v", end, err)
	}
}

// TestPullKeepsToTheBudget holds that each page takes its turn among the queries.
func TestPullKeepsToTheBudget(t *testing.T) {
	t.Parallel()
	g := newGateway(t, answer{status: 200, body: `{"ResponseCode":"1000","Response":[{"transactionId":"UA2K7QX9ZA"}]}`}, answer{status: 200, body: `{"ResponseCode":"1001","Response":[[]]}`})
	budget := &lines{}
	cfg := g.config()
	cfg.Budget = budget
	if _, err := mustNew(t, cfg).PullAll(t.Context(), noon().Add(-time.Hour), noon(), func(PullRow) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(budget.turns, []string{queryLine, queryLine}) {
		t.Errorf("turns of %q", budget.turns)
	}
}
