package remote

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/payment"
)

const (
	// handsetPoll is how often the handset looks for prompts.
	handsetPoll = 250 * time.Millisecond
	// maxKept bounds the lines that wait for a prompt.
	maxKept = 10_000
)

// Handset is one customer's phone.
type Handset struct {
	Phone payment.Phone
	// Call is the emulator's control plane, as Client.Call.
	Call func(ctx context.Context, method, path string, in, out any) error
	// AtTerminal reports that a person types: what comes before there is a prompt is for
	// none. Lines of a pipe are kept for the prompts to come.
	AtTerminal bool
	// Show shows a prompt; its error ends the handset.
	Show func(emulator.Prompt) error
	// Note tells the person something.
	Note func(format string, args ...any)

	seen map[string]bool
	kept []string
}

// Run is the handset until ctx or the input ends. A read of a terminal cannot be broken
// off: one goroutine may live until the process ends.
func (h *Handset) Run(ctx context.Context, in io.Reader) error {
	h.seen = map[string]bool{}
	lines := typed(ctx, in)
	ticker := time.NewTicker(handsetPoll)
	defer ticker.Stop()
	for {
		prompt, found, err := h.next(ctx)
		if err != nil {
			return err
		}
		if found {
			if done, err := h.answer(ctx, prompt, lines); err != nil || done {
				return err
			}
			continue
		}
		if lines == nil && len(h.kept) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case line, open := <-lines:
			switch {
			case !open:
				lines = nil
			case !h.AtTerminal && len(h.kept) < maxKept:
				h.kept = append(h.kept, line)
			}
		case <-ticker.C:
		}
	}
}

// typed returns the lines of the input.
func typed(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			select {
			case lines <- strings.TrimSpace(scanner.Text()):
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// open returns the phone's open prompts; none when ctx has ended.
func (h *Handset) open(ctx context.Context) ([]emulator.Prompt, error) {
	var prompts []emulator.Prompt
	query := url.Values{"phone": {h.Phone.MSISDN()}}
	err := h.Call(ctx, http.MethodGet, "prompts?"+query.Encode(), nil, &prompts)
	if err != nil && ctx.Err() != nil {
		return nil, nil //nolint:nilerr // Ctrl-C is how a handset is switched off
	}
	return slices.DeleteFunc(prompts, func(p emulator.Prompt) bool { return p.Outcome != "" }), err
}

// next returns an open prompt that has not been shown yet.
func (h *Handset) next(ctx context.Context) (emulator.Prompt, bool, error) {
	open, err := h.open(ctx)
	for _, p := range open {
		if !h.seen[p.ID] {
			h.seen[p.ID] = true
			return p, true, nil
		}
	}
	return emulator.Prompt{}, false, err
}

// answer shows one prompt and plays what is typed; done says that the input is over.
func (h *Handset) answer(ctx context.Context, p emulator.Prompt, lines <-chan string) (done bool, err error) {
	if err := h.Show(p); err != nil {
		return true, err
	}
	h.Note("PIN, c to cancel, or Enter to leave it:")
	if len(h.kept) > 0 {
		line := h.kept[0]
		h.kept = h.kept[1:]
		return false, h.play(ctx, p, line)
	}
	ticker := time.NewTicker(handsetPoll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return true, nil
		case <-ticker.C:
			// The emulator's clock may be a virtual one: only it knows what has expired.
			open, err := h.open(ctx)
			if err != nil {
				return true, err
			}
			if !slices.ContainsFunc(open, func(o emulator.Prompt) bool { return o.ID == p.ID }) {
				h.Note("the prompt is over")
				return false, nil
			}
		case line, more := <-lines:
			if !more {
				return true, nil
			}
			return false, h.play(ctx, p, line)
		}
	}
}

// play sends what one typed line means for the prompt.
func (h *Handset) play(ctx context.Context, p emulator.Prompt, line string) error {
	outcome, known := emulator.Typed(line)
	if !known {
		h.Note("left alone; it will expire by itself")
		return nil
	}
	err := h.Call(ctx, http.MethodPost, "answer", map[string]string{"id": p.ID, "outcome": outcome}, nil)
	if payment.KindOf(err) == payment.KindConflict || payment.KindOf(err) == payment.KindNotFound {
		h.Note("too late: the prompt is over")
		return nil
	}
	if err == nil {
		h.Note("sent: %s", outcome)
	}
	return err
}
