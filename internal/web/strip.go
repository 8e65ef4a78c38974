package web

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/page"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/presence"
)

// strip is what stands above every page.
type strip struct {
	Profile, Environment, Ledger string
	Production                   bool
	Facts                        []fact
}

// fact is one thing in a few words.
type fact struct {
	Name, Value string
	Mark        page.Mark
	// Href leads to more, "" for nothing.
	Href string
}

// Long reports whether a fact needs a line of its own.
func (f fact) Long() bool { return len(f.Value) > 34 }

// watched is what of the strip has to be asked for, kept for a moment.
type watched struct {
	mu    sync.Mutex
	at    time.Time
	facts []fact
}

const keepFacts = 2 * time.Second

func (s *Server) strip(ctx context.Context) strip {
	return strip{
		Profile: s.Profile, Environment: string(s.Environment), Ledger: s.LedgerName, Production: s.Environment == payment.Production, Facts: s.facts(ctx),
	}
}

// stripText tells one strip from another.
func (s *Server) stripText(ctx context.Context) string { return fmt.Sprint(s.facts(ctx)) }

func (s *Server) facts(ctx context.Context) []fact {
	s.watched.mu.Lock()
	defer s.watched.mu.Unlock()
	if now := time.Now(); now.Sub(s.watched.at) > keepFacts {
		s.watched.facts, s.watched.at = s.lookAround(ctx), now
	}
	return s.watched.facts
}

func (s *Server) lookAround(ctx context.Context) []fact {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	facts := []fact{s.listener(ctx)}
	if f, ok := s.tunnel(); ok {
		facts = append(facts, f)
	}
	if counts, err := s.Ledger.Stats(ctx, s.Now()); err == nil && counts.Dead > 0 {
		facts = append(facts, fact{Name: "dead letters", Value: fmt.Sprint(counts.Dead), Mark: page.Bad, Href: "/?show=failed"})
	}
	if err := s.Ledger.InPlace(); err != nil {
		facts = append(facts, fact{Name: "ledger", Value: "was moved or replaced: what is shown is the old one; start payctl ui again", Mark: page.Bad})
	}
	return facts
}

func (s *Server) listener(ctx context.Context) fact {
	who := presence.Nobody
	if s.Listener != nil {
		// Something that takes the question and never answers must not hold up the pages.
		ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		who = s.Listener(ctx)
	}
	f := fact{Name: "listener"}
	switch who {
	case presence.ThisListener:
		f.Value, f.Mark = "running", page.Good
	case presence.NotReady:
		f.Value, f.Mark = "cannot commit", page.Bad
	case presence.OtherListener:
		f.Value, f.Mark = "writes to another ledger", page.Warn
	case presence.SomethingElse:
		f.Value, f.Mark = "something else is in its place", page.Warn
	case presence.Nobody:
		f.Value, f.Mark = "not seen", page.Warn
	}
	return f
}

func (s *Server) tunnel() (fact, bool) {
	if s.Tunnel == nil {
		return fact{}, false
	}
	t, ok := s.Tunnel()
	if !ok {
		return fact{}, false
	}
	f := fact{Name: "tunnel", Value: t.URL + ", " + t.State, Mark: page.Good}
	switch {
	case !t.Alive:
		f.Value, f.Mark = t.URL+", gone", page.Bad
	case t.CheckedAt.IsZero():
		f.Value, f.Mark = t.URL+", not yet checked", page.Warn
	case t.State != "live":
		f.Mark = page.Warn
	}
	if t.Alive && !t.CheckedAt.IsZero() {
		f.Value += ", checked at " + t.CheckedAt.In(s.Zone).Format("15:04:05")
	}
	return f, true
}

func (s *Server) stripPart(r *http.Request) (answer, error) {
	r.Header.Set(partHeader, "strip")
	return answer{page: "frame", data: s.strip(r.Context())}, nil
}
