package ui

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// mostFilterMemory is what a --jq or --template may take beyond what was taken before,
// in bytes: an expression of a few characters can ask for all there is.
const mostFilterMemory = 96 << 20

// filterLook is how often a filter at work is looked at: doubling cannot get far between.
const filterLook = time.Millisecond

// filterGrace is what a filter has once the command's time is over: the last document,
// which says what became of it, is printed then.
const filterGrace = 2 * time.Second

// Within bounds --jq and --template by ctx: they end with --timeout and with the first
// signal. Without it they are bounded in memory alone.
func (p *Printer) Within(ctx context.Context) { p.within = ctx }

// filtered applies the filter. An expression that does not end is left behind: the
// command is over then, and its process with it.
func (p *Printer) filtered(data []byte, pretty bool) ([]byte, error) {
	within := p.within
	ctx, cancel := context.WithCancel(context.WithoutCancel(within))
	defer cancel()
	over := within.Done()
	var grace <-chan time.Time
	type result struct {
		data []byte
		err  error
	}
	before, done := heap(), make(chan result, 1)
	go func() {
		out, err := p.filter(ctx, data, pretty)
		done <- result{out, err}
	}()
	ticker := time.NewTicker(filterLook)
	defer ticker.Stop()
	for {
		select {
		case r := <-done:
			switch {
			case heap() > before+mostFilterMemory:
				return nil, p.tooMuch()
			case r.err != nil:
				return nil, &FilterError{err: payment.Usage(r.err.Error(), "correct the expression; -o json shows what it is given")}
			}
			return r.data, nil
		case <-over:
			over, grace = nil, time.After(filterGrace)
		case <-grace:
			return nil, within.Err()
		case <-ticker.C:
			if now := heap(); now > before+mostFilterMemory {
				return nil, p.tooMuch()
			}
		}
	}
}

func (p *Printer) tooMuch() error {
	return &FilterError{err: payment.Usage(fmt.Sprintf("%s: takes more than %d MiB of memory", p.filterFlag(), mostFilterMemory>>20),
		"write one that makes less, or filter -o ndjson with jq itself")}
}

func (p *Printer) filterFlag() string {
	if p.opts.JQ != "" {
		return "--jq"
	}
	return "--template"
}

// heap is what the process holds, in bytes. Package runtime/metrics tells it without a
// pause, but every command would pay for its tables at start-up.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
