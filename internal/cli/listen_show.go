package cli

import (
	"time"

	"github.com/payctl/payctl/internal/listen"
	"github.com/payctl/payctl/internal/view"
)

// listenPrinter shows what a listener does; it is called from one goroutine.
type listenPrinter struct {
	*session
	wanted *filter[deliveryFields]
	zone   *time.Location
	// shown holds, under a filter, the deliveries that passed it: attempts to
	// forward the others are not shown.
	shown map[string]bool
}

// mostShown bounds what is remembered for that.
const mostShown = 100_000

func (p *listenPrinter) delivery(v listen.DeliveryView) {
	keep, err := p.wanted.keeps(fieldsOfReceived(v))
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

// zoneName is how people call a zone at some time.
func zoneName(at time.Time, zone *time.Location) string {
	name, _ := at.In(zone).Zone()
	return name
}
