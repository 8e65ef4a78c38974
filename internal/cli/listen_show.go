package cli

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/listen"
	"github.com/payctl/payctl/internal/view"
)

// listenPrinter shows what a listener does; it is called from one goroutine.
type listenPrinter struct {
	*session
	wanted func(listen.DeliveryView) (bool, error)
	zone   *time.Location
	// shown holds, under a filter, the deliveries that passed it: attempts to
	// forward the others are not shown.
	shown map[string]bool
}

// mostShown bounds what is remembered for that.
const mostShown = 100_000

func (p *listenPrinter) delivery(v listen.DeliveryView) {
	keep, err := true, error(nil)
	if p.wanted != nil {
		keep, err = p.wanted(v)
	}
	if keep {
		err = p.out.Line(view.NewReceived(v, p.zone, p.global.showPhone))
	}
	if keep && p.wanted != nil && v.ID != "" {
		if p.shown == nil || len(p.shown) >= mostShown {
			p.shown = map[string]bool{}
		}
		p.shown[v.ID] = true
	}
	p.keepErr(err)
}

func (p *listenPrinter) forward(v listen.ForwardView) {
	if p.wanted == nil || p.shown[v.DeliveryID] {
		p.keepErr(p.out.Line(view.NewForwarded(v, p.zone, p.global.showPhone)))
	}
}

func (p *listenPrinter) stray(v listen.StrayView) {
	p.keepErr(p.out.Line(view.NewStray(v, p.zone)))
}

// sayWaiting says what an earlier run left in the queue for targets that this one
// was not given: it is sent there all the same.
func (v *listenCommand) sayWaiting(ctx context.Context, rules []listen.Rule) {
	waiting, err := v.ledger.Forwards.Waiting(ctx)
	if err != nil {
		return // the forwarder meets the same error, and logs it
	}
	for _, r := range rules {
		delete(waiting, r.URL)
	}
	for _, target := range sortedKeys(waiting) {
		v.out.Note("%d still wait for %s, which --forward-to does not name; they are sent there. \"payctl webhook queue move\", or drop, changes that",
			waiting[target], deliver.Shown(target))
	}
}

// zoneName is how people call a zone at some time.
func zoneName(at time.Time, zone *time.Location) string {
	name, _ := at.In(zone).Zone()
	return name
}
