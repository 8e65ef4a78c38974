package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/payctl/payctl/internal/payment"
)

// Verdict is what checking one payload gave; its keys are the contract of
// "webhook verify".
type Verdict struct {
	Source   string  `json:"source"`
	Index    int     `json:"index"`
	Provider string  `json:"provider"`
	Event    *string `json:"event"`
	Verdict  string  `json:"verdict"`
	Matched  *string `json:"matched"`
	Reason   *string `json:"reason"`
}

// Summary counts verdicts.
type Summary struct {
	Total     int `json:"total"`
	Valid     int `json:"valid"`
	Mismatch  int `json:"mismatch"`
	Malformed int `json:"malformed"`
	Unsigned  int `json:"unsigned"`
}

// Count adds one verdict.
func (s *Summary) Count(v payment.Verdict) {
	s.Total++
	switch v {
	case payment.VerdictValid:
		s.Valid++
	case payment.VerdictMismatch, payment.VerdictUntrusted:
		s.Mismatch++
	case payment.VerdictMalformed:
		s.Malformed++
	case payment.VerdictUnsigned:
		s.Unsigned++
	}
}

// Add adds another summary.
func (s *Summary) Add(o Summary) {
	s.Total += o.Total
	s.Valid += o.Valid
	s.Mismatch += o.Mismatch
	s.Malformed += o.Malformed
	s.Unsigned += o.Unsigned
}

const (
	// blockSize is how many bytes of an archive one worker takes at a time.
	blockSize = 1 << 20
	// maxLine is the longest line, in bytes: a payload of 1 MiB and its line end.
	maxLine = 1<<20 + 2
)

// Archive checks a file in which each line is one payload.
type Archive struct {
	// Source names the archive in verdicts.
	Source string
	// Inspect judges one payload; it is called from several goroutines at once.
	Inspect func(body []byte) payment.Inspection
	// Provider is the provider's name in verdicts.
	Provider payment.ProviderID
	// Format appends what is to be printed for one payload, nothing if nothing
	// is; it is called from several goroutines at once. body is only valid
	// during the call.
	Format func(dst []byte, v Verdict, body []byte) []byte
	// Workers is how many goroutines judge; 0 means one for each core.
	Workers int
}

// block is a run of whole lines, and later what came of it.
type block struct {
	data    []byte
	first   int
	out     []byte
	summary Summary
	done    chan struct{}
}

// Verify reads lines from r, judges them on all cores and writes what Format
// makes of them to w in the order of the lines. Memory is bounded: a few blocks
// of 1 MiB for each worker, however large the archive. Empty lines are passed
// over but counted in the index. A line over 1 MiB is KindUsage.
func (a *Archive) Verify(ctx context.Context, r io.Reader, w io.Writer) (Summary, error) {
	workers := a.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var total Summary
	todo := make(chan *block)
	order := make(chan *block, workers*2)
	free := make(chan *block, workers*3)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(todo)
		defer close(order)
		return a.read(ctx, r, free, todo, order)
	})
	for range workers {
		group.Go(func() error {
			for b := range todo {
				a.judge(b)
				close(b.done)
			}
			return nil
		})
	}
	group.Go(func() error {
		for b := range order {
			select {
			case <-b.done:
			case <-ctx.Done():
				return ctx.Err()
			}
			total.Add(b.summary)
			if _, err := w.Write(b.out); err != nil {
				return err
			}
			select {
			case free <- b:
			default:
			}
		}
		return nil
	})
	err := group.Wait()
	return total, err
}

// read cuts the archive into blocks of whole lines.
func (a *Archive) read(ctx context.Context, r io.Reader, free <-chan *block, todo, order chan<- *block) error {
	var rest []byte
	line := 0
	for eof := false; !eof; {
		b := recycled(free)
		b.first = line
		b.data = append(b.data, rest...)
		rest = rest[:0]
		n, err := io.ReadFull(r, grow(&b.data, blockSize))
		b.data = b.data[:len(b.data)-blockSize+n]
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			eof = true
		case err != nil:
			return payment.Usage(fmt.Sprintf("cannot read %s: %v", a.Source, err), "check the file")
		}
		if !eof {
			end := bytes.LastIndexByte(b.data, '\n') + 1
			rest = append(rest, b.data[end:]...)
			b.data = b.data[:end]
			if len(rest) > maxLine {
				lines := line + bytes.Count(b.data, []byte{'\n'})
				return payment.Usage(fmt.Sprintf("%s: line %d is longer than 1 MiB", a.Source, lines+1), "each line must be one payload")
			}
		}
		line += bytes.Count(b.data, []byte{'\n'})
		if len(b.data) == 0 {
			continue
		}
		for _, to := range []chan<- *block{order, todo} {
			select {
			case to <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

func recycled(free <-chan *block) *block {
	select {
	case b := <-free:
		b.data, b.out, b.summary, b.done = b.data[:0], b.out[:0], Summary{}, make(chan struct{})
		return b
	default:
		return &block{done: make(chan struct{})}
	}
}

// grow lengthens a slice by n bytes and returns the new part.
func grow(data *[]byte, n int) []byte {
	old := len(*data)
	if need := old + n; cap(*data) < need {
		larger := make([]byte, need, need+maxLine)
		copy(larger, *data)
		*data = larger
	}
	*data = (*data)[:old+n]
	return (*data)[old:]
}

func (a *Archive) judge(b *block) {
	index := b.first
	for data := b.data; len(data) > 0; index++ {
		end := bytes.IndexByte(data, '\n')
		line := data
		if end >= 0 {
			line, data = data[:end], data[end+1:]
		} else {
			data = nil
		}
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		inspection := a.Inspect(line)
		b.summary.Count(inspection.Verdict)
		if a.Format != nil {
			b.out = a.Format(b.out, VerdictOf(a.Source, index, a.Provider, inspection), line)
		}
	}
}

// VerdictOf words an inspection; index counts payloads or lines from 0.
func VerdictOf(source string, index int, provider payment.ProviderID, i payment.Inspection) Verdict {
	v := Verdict{Source: source, Index: index, Provider: string(provider), Verdict: string(i.Verdict)}
	if i.Event != nil && i.Event.Name != "" {
		v.Event = &i.Event.Name
	}
	if i.Matched != "" {
		v.Matched = &i.Matched
	}
	if i.Reason != "" {
		v.Reason = &i.Reason
	}
	return v
}
