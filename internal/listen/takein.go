package listen

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Times between two attempts to take spilled deliveries in: while there are
// some, and while there are none that we know of.
const (
	takeInSoon  = 500 * time.Millisecond
	takeInLater = 30 * time.Second
)

// takeInLoop brings spilled deliveries into the ledger: those of earlier runs
// at once, those of this one when the ledger works again.
func (s *Server) takeInLoop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	soon, told := true, false
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.spilledNow:
			if !soon { // or a steady stream of them would put it off for ever
				soon = true
				timer.Reset(takeInSoon)
			}
			continue
		case <-timer.C:
		}
		err := s.lookForLedger()
		if err == nil {
			err = s.takeIn(ctx)
		}
		if soon = err != nil; !soon {
			told = false
			timer.Reset(takeInLater)
			continue
		}
		if !told && ctx.Err() == nil {
			told = true
			s.log.Warn("spilled deliveries could not be taken in yet", slog.Any("error", err))
		}
		timer.Reset(takeInSoon)
	}
}

// takeIn records the deliveries in the spill directory.
func (s *Server) takeIn(ctx context.Context) error {
	taken, bad, err := s.spill.takeIn(ctx, func(ctx context.Context, d payment.Delivery) error {
		receiver := s.o.Receivers[d.Provider]
		if receiver == nil {
			return payment.Usage("spilled delivery of "+strconv.Quote(string(d.Provider))+": no such provider is configured", "configure it, or move the file away")
		}
		peer, _ := netip.ParseAddr(d.Peer)
		n := s.read(receiver, d, peer)
		if !s.mayEnter(s.routes[d.Route], d.Token) {
			n.Distrust = "it was spilled without the secret path that its route needs"
		}
		recorded, err := s.commit(ctx, n)
		if err == nil {
			s.tell(ctx, n, recorded, told{status: http.StatusOK, late: true})
		}
		return err
	})
	for _, name := range bad {
		s.log.Error("a spilled delivery cannot be read and was set aside", "file", name+suffixBad)
	}
	if taken > 0 {
		s.log.Info("spilled deliveries were taken in", "count", taken)
	}
	return err
}
