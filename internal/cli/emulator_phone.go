package cli

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/view"
)

// emulatorPhone is "payctl emulator phone": one phone with its screen in the terminal.
type emulatorPhone struct {
	control
	number string
	phone  payment.Phone
	seen   map[string]bool
	// kept are lines of a pipe that came before their prompt. What is typed at a
	// terminal before there is a prompt is for none.
	kept []string
}

func newEmulatorPhone(s *session) *cobra.Command {
	v := &emulatorPhone{control: control{session: s}, seen: map[string]bool{}}
	cmd := &cobra.Command{
		Use:   "phone MSISDN",
		Short: "Be the customer's handset in the terminal",
		Long: `Shows the prompts that reach a phone and takes what its owner would type: a PIN
(any four digits pay; 0000 is the wrong PIN), c to cancel, or an empty line to leave
the prompt alone until it expires. Run the emulator with --behaviour manual, so that
prompts wait for an answer. Lines from a pipe are kept for the prompts to come. A
signal (Ctrl-C) or the end of the input ends it, and it exits with 0.`,
		Example: "  payctl emulator phone 0712345678\n  echo 1234 | payctl emulator phone 0712345678",
		Args:    oneArg("MSISDN", &v.number),
		RunE:    s.run(v.Run),
	}
	v.bindURL(cmd.Flags())
	return cmd
}

const (
	// handsetPoll is how often the handset looks for prompts.
	handsetPoll = 250 * time.Millisecond
	// maxKept bounds the lines that wait for a prompt.
	maxKept = 10_000
)

// Run is the handset until ctx or the input ends.
func (v *emulatorPhone) Run(ctx context.Context) error {
	var err error
	if v.phone, err = payment.ParsePhone(v.number); err != nil {
		return err
	}
	lines := v.typed(ctx)
	atTerminal := isTerminal(v.in.Stdin)
	v.out.Note("phone %s is on; waiting for prompts (Ctrl-C ends)", v.phone)
	ticker := time.NewTicker(handsetPoll)
	defer ticker.Stop()
	for {
		prompt, found, err := v.next(ctx)
		if err != nil {
			return err
		}
		if found {
			if done, err := v.answer(ctx, prompt, lines); err != nil || done {
				return err
			}
			continue
		}
		if lines == nil && len(v.kept) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case line, open := <-lines:
			switch {
			case !open:
				lines = nil
			case !atTerminal && len(v.kept) < maxKept:
				v.kept = append(v.kept, line)
			}
		case <-ticker.C:
		}
	}
}

// typed returns the lines of stdin. A read of a terminal cannot be broken off,
// so this one goroutine may live until the process ends.
func (v *emulatorPhone) typed(ctx context.Context) <-chan string {
	lines := make(chan string)
	go func(in io.Reader) {
		defer close(lines)
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			select {
			case lines <- strings.TrimSpace(scanner.Text()):
			case <-ctx.Done():
				return
			}
		}
	}(v.in.Stdin)
	return lines
}

// open returns the phone's open prompts; none when ctx has ended.
func (v *emulatorPhone) open(ctx context.Context) ([]emulator.Prompt, error) {
	var prompts []emulator.Prompt
	query := url.Values{"phone": {v.phone.MSISDN()}}
	err := v.call(ctx, http.MethodGet, "prompts?"+query.Encode(), nil, &prompts)
	if err != nil && ctx.Err() != nil {
		return nil, nil //nolint:nilerr // Ctrl-C is how a handset is switched off
	}
	return slices.DeleteFunc(prompts, func(p emulator.Prompt) bool { return p.Outcome != "" }), err
}

// next returns an open prompt that has not been shown yet.
func (v *emulatorPhone) next(ctx context.Context) (emulator.Prompt, bool, error) {
	open, err := v.open(ctx)
	for _, p := range open {
		if !v.seen[p.ID] {
			v.seen[p.ID] = true
			return p, true, nil
		}
	}
	return emulator.Prompt{}, false, err
}

// answer shows one prompt and plays what is typed; done says that the input is over.
func (v *emulatorPhone) answer(ctx context.Context, p emulator.Prompt, lines <-chan string) (done bool, err error) {
	if err := v.out.Line(view.NewPrompt(p, v.global.showPhone)); err != nil {
		return true, err
	}
	v.out.Note("PIN, c to cancel, or Enter to leave it:")
	if len(v.kept) > 0 {
		line := v.kept[0]
		v.kept = v.kept[1:]
		return false, v.play(ctx, p, line)
	}
	ticker := time.NewTicker(handsetPoll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return true, nil
		case <-ticker.C:
			// The emulator's clock may be a virtual one: only it knows what has expired.
			open, err := v.open(ctx)
			if err != nil {
				return true, err
			}
			if !slices.ContainsFunc(open, func(o emulator.Prompt) bool { return o.ID == p.ID }) {
				v.out.Note("the prompt is over")
				return false, nil
			}
		case line, more := <-lines:
			if !more {
				return true, nil
			}
			return false, v.play(ctx, p, line)
		}
	}
}

// play sends what one typed line means for the prompt.
func (v *emulatorPhone) play(ctx context.Context, p emulator.Prompt, line string) error {
	outcome, known := emulator.Typed(line)
	if !known {
		v.out.Note("left alone; it will expire by itself")
		return nil
	}
	err := v.call(ctx, http.MethodPost, "answer", map[string]string{"id": p.ID, "outcome": outcome}, nil)
	if payment.KindOf(err) == payment.KindConflict || payment.KindOf(err) == payment.KindNotFound {
		v.out.Note("too late: the prompt is over")
		return nil
	}
	if err == nil {
		v.out.Note("sent: %s", outcome)
	}
	return err
}
