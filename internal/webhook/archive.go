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

const (
	// blockSize is how many bytes of an archive one worker takes at a time.
	blockSize = 256 << 10
	// maxLine is the longest line, in bytes: a payload of 1 MiB and its line end.
	maxLine = 1<<20 + 2
)

// Archive checks a file in which each line is one payload.
type Archive struct {
	// Source names the archive in errors.
	Source string
	// Judge is called once for each worker; what it returns serves that one
	// goroutine.
	Judge func() Judge
	// Format appends what is to be printed for the payload in one line, counted
	// from 0, nothing if nothing is; it is called from several goroutines at
	// once.
	Format func(dst []byte, index int, j Judged) []byte
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
// of 256 KiB for each worker, however large the archive. Empty lines are passed
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
			judge := a.Judge()
			for b := range todo {
				err := a.judge(b, judge)
				close(b.done)
				if err != nil {
					return err
				}
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
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			return err // the reading was interrupted, nothing is wrong with the archive
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
		larger := make([]byte, need, need+need/4)
		copy(larger, *data)
		*data = larger
	}
	*data = (*data)[:old+n]
	return (*data)[old:]
}

func (a *Archive) judge(b *block, judge Judge) error {
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
		judged, err := judge(line)
		if err != nil {
			return err
		}
		b.summary.Count(judged.Verdict)
		if a.Format != nil {
			b.out = a.Format(b.out, index, judged)
		}
	}
	return nil
}
