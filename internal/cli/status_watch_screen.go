package cli

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/trace"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/watch"
)

// drawEvery is how often the screen is drawn: countdowns are in seconds.
const drawEvery = 500 * time.Millisecond

// board is the full screen of "status watch --all".
type board struct {
	*following
	screen *ui.Screen
	shown  view.Board
	// timeline is what is shown in the place of the table, nil for the table.
	timeline *view.Trace
	// said takes what questions came to, and asks are those that are under way.
	said chan string
	asks sync.WaitGroup
}

// watched is what the watches came to.
type watched struct {
	results watch.Results
	err     error
}

// onScreen shows all deposits with their countdowns until they are decided, or a
// person leaves.
func (f *following) onScreen(ctx context.Context, screen *ui.Screen) error {
	b := &board{following: f, screen: screen, said: make(chan string, 1)}
	b.shown.ShowPhone = f.global.showPhone
	for _, d := range f.deposits {
		b.shown.Set(d, "")
	}
	wait := f.sayNoListener(ctx)
	b.shown.Pace = f.pace(ctx, f.now())
	end, left := b.run(ctx)
	wait()
	screen.Close()
	views := make([]view.Deposit, len(end.results))
	for i, r := range end.results {
		views[i] = view.NewDeposit(r.Deposit, r.Doubts, nil, f.global.showPhone)
	}
	if left && errors.Is(end.err, context.Canceled) {
		end.err = nil
	}
	return f.ended(ui.List(f.out, view.DepositColumns(), views), cmp.Or(end.err, end.results.Err()), aboutResults(end.results))
}

// run follows, draws and obeys the keys. left says that a person left before the end.
func (b *board) run(ctx context.Context) (end watched, left bool) {
	defer b.asks.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	updates, done := make(chan watch.Update), make(chan watched, 1)
	go func() {
		results, err := watch.Several(ctx, b.jobs, func(u watch.Update) {
			select {
			case updates <- u:
			case <-ctx.Done():
			}
		})
		done <- watched{results, err}
	}()
	keys := b.screen.Keys(ctx, b.stdin(ctx))
	ticker := time.NewTicker(drawEvery)
	defer ticker.Stop()
	for {
		b.draw()
		select {
		case end = <-done:
			return end, left
		case u := <-updates:
			b.shown.Set(u.Deposit, u.Note)
		case text := <-b.said:
			b.shown.Said = text
		case <-ticker.C:
		case key, open := <-keys:
			switch {
			case !open:
				keys = nil
			case b.timeline != nil && key != ui.KeyInterrupt:
				b.timeline = nil
			case key == ui.KeyQuit, key == ui.KeyInterrupt:
				left = key == ui.KeyQuit
				stop()
			default:
				b.obey(ctx, key)
			}
		}
	}
}

func (b *board) draw() {
	if said := b.screen.Said(); said != "" && b.shown.Said == "" {
		b.shown.Said = said
	}
	b.keepErr(b.screen.Draw(func(t *ui.Text) {
		if b.timeline != nil {
			b.timeline.Text(t)
			t.Line(ui.Dim("any key goes back"))
			return
		}
		b.shown.Text(t, b.now(), b.screen.Rows())
	}))
}

func (b *board) obey(ctx context.Context, key ui.Key) {
	d, chosen := b.shown.Chosen()
	switch {
	case key == ui.KeyUp:
		b.shown.Move(-1)
	case key == ui.KeyDown:
		b.shown.Move(1)
	case !chosen || d.ID == "":
	case key == ui.KeyEnter:
		b.showTimeline(ctx, d)
	case key == ui.KeyAsk && d.ProviderID == "":
		b.shown.Said = nameOf(d) + ": the provider gave it no id, so it cannot be asked"
	case key == ui.KeyAsk:
		b.shown.Said = nameOf(d) + ": asking"
		b.asks.Go(func() { b.ask(ctx, d) })
	}
}

func (b *board) showTimeline(ctx context.Context, d payment.Deposit) {
	t, err := trace.Run(ctx, traceLedger(b.ledger), trace.Input{ID: d.ID, Deposit: &d, Providers: b.providers.IDs(), Now: b.now()})
	if err != nil {
		b.shown.Said = payment.FirstLine(err.Error())
		return
	}
	v := view.NewTrace(t, nil, b.zone())
	b.timeline = &v
}

// ask asks the provider once and records the answer, also when the person has left
// meanwhile; the watch sees what changed.
func (b *board) ask(ctx context.Context, d payment.Deposit) {
	text := nameOf(d) + ": "
	answer, err := watch.Once(ctx, b.watchOptions(b.providerOf(d), watch.ViaPoll, b.ledger), d, func(string) {})
	if err == nil {
		_, _, err = b.ledger.Deposits.Apply(context.WithoutCancel(ctx), d.ID, deposit.ClaimOf(answer, payment.SourceQuery, b.now()))
	}
	switch {
	case err != nil:
		text += payment.FirstLine(err.Error())
	case answer.Message != "":
		text += answer.Message
	default:
		text += string(answer.Status)
	}
	select {
	case b.said <- b.phoneText(payment.Line(text, mostDoubt)):
	case <-ctx.Done():
	}
}

func (b *board) providerOf(d payment.Deposit) provider.Provider {
	for _, p := range b.opened {
		if p.ID == d.Provider {
			return p
		}
	}
	return provider.Provider{}
}
