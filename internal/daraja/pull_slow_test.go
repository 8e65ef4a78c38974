package daraja

import (
	"errors"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// A listing of all 48 hours that takes longer than a minute is still the listing
// that was asked for when it began.
func TestPullAllTakesItsTime(t *testing.T) {
	t.Parallel()
	page := func(receipt string) answer {
		return answer{status: 200, body: `{"ResponseCode":"1000","Response":[[{"transactionId":"` + receipt + `"}]]}`}
	}
	g := newGateway(t, page("UA2K7QX9ZA"), page("UA2K7QX9ZB"), answer{status: 200, body: `{"ResponseCode":"1001","Response":[[]]}`})
	now := noon()
	cfg := g.config()
	cfg.Now = func() time.Time { return now }
	c := mustNew(t, cfg)
	rows := 0
	_, err := c.PullAll(t.Context(), noon().Add(-PullWindow), noon(), func(PullRow) error {
		rows++
		now = now.Add(5 * time.Minute)
		return nil
	})
	if err != nil || rows != 2 {
		t.Errorf("%d rows, want 2: %v", rows, err)
	}
	none := func(PullRow) error { return errors.New("called") }
	for name, bad := range map[string][2]time.Time{
		"order": {noon(), noon().Add(-time.Hour)}, "49 hours": {noon().Add(-49 * time.Hour), noon()},
	} {
		if _, err := c.PullAll(t.Context(), bad[0], bad[1], none); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
