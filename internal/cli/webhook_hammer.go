package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/webhook"
)

type webhookHammerOptions struct {
	url, provider, probe string
	copies               int
	settle               time.Duration
	allowRemote          bool
}

func newWebhookHammer(a *app) *cobra.Command {
	var o webhookHammerOptions
	cmd := &cobra.Command{
		Use:   "hammer URL",
		Short: "Test your own endpoint with what a bad day brings",
		Long: `Sends your endpoint copies in parallel, late and reordered events, junk, forgeries and
masked fields, and reports answers and latencies. With --probe CMD it also finds out
whether anything was credited twice or lost: the command is run after each test with
PROBE_CHECKOUT_ID, PROBE_DEPOSIT_ID, PROBE_RECEIPT, PROBE_REFERENCE and PROBE_AMOUNT
in its environment, and prints how often that payment was credited.

Bounded in count and time; targets must be on this machine unless --allow-remote.`,
		Example: "  payctl webhook hammer http://127.0.0.1:3000/callbacks/stk\n  payctl webhook hammer http://127.0.0.1:3000/hook --provider wasaapay --probe './count-credits.sh'",
		Args:    oneArg("URL", &o.url),
		RunE:    a.run(func(ctx context.Context) error { return a.webhookHammer(ctx, o) }),
	}
	f := cmd.Flags()
	f.StringVar(&o.provider, "provider", "daraja", "whose events: `daraja|wasaapay`")
	f.StringVar(&o.probe, "probe", "", "shell `CMD` that prints how often a payment was credited")
	f.IntVar(&o.copies, "copies", 20, "send `N` copies at once, at most 1000")
	f.DurationVar(&o.settle, "settle", 200*time.Millisecond, "`DURATION` your endpoint gets before the probe asks")
	f.BoolVar(&o.allowRemote, "allow-remote", false, "let the target be on another machine")
	return cmd
}

// blowView is one test's result.
type blowView struct {
	webhook.Blow
	// Problem is null, not empty, when all is well.
	Problem *string `json:"problem"`
}

// Text writes one test's result for people.
func (v blowView) Text(t *ui.Text) {
	mark := ui.OK("ok  ")
	if v.Problem != nil {
		mark = ui.Bad("FAIL")
	}
	var answers []string
	for _, status := range sortedKeys(v.Answers) {
		answers = append(answers, fmt.Sprintf("%d× %s", v.Answers[status], status))
	}
	t.Line(mark, ui.Plain("  "+v.Name), ui.Dim(fmt.Sprintf("  %s, p50 %.1f ms, p99 %.1f ms", strings.Join(answers, ", "), v.P50Ms, v.P99Ms)))
	if v.Problem != nil {
		t.Line(ui.Plain("      "), ui.Warn(*v.Problem))
	}
}

// hammerTimeout bounds the whole of it.
const hammerTimeout = 5 * time.Minute

func (a *app) webhookHammer(ctx context.Context, o webhookHammerOptions) error {
	id, err := provider.Parse(o.provider)
	if err != nil {
		return err
	}
	if err := replay.CheckTarget(o.url, o.allowRemote); err != nil {
		return err
	}
	if o.copies < 1 || o.copies > webhook.MaxCopies {
		return usagef("use 1 to 1000", "copies %d: is out of range", o.copies)
	}
	keys, err := a.webhookKeys(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := a.withTimeout(ctx, hammerTimeout)
	defer cancel()
	h := &webhook.Hammer{
		URL: o.url, Provider: id, Copies: o.copies, Keys: keys, Client: a.httpClient(), Settle: o.settle, Now: a.now,
	}
	if o.probe != "" {
		h.Probe = a.probe(o.probe)
	}
	progress := a.out.Progress("hammering " + o.url)
	report, err := h.Run(ctx)
	progress.Stop()
	if ended := ctx.Err(); ended != nil && len(report) > 0 {
		// The test that was going on was cut short: it says nothing of the endpoint.
		report, err = report[:len(report)-1], ended
	}
	problems, views := 0, make([]blowView, 0, len(report))
	for _, b := range report {
		if b.Problem != "" {
			problems++
		}
		views = append(views, blowView{b, orNull(b.Problem)})
	}
	if len(views) > 0 {
		a.keepErr(several(a.out, views))
	}
	if err == nil && problems > 0 {
		err = &payment.Error{Kind: payment.KindConflict, Message: itoa(problems) + " of " + itoa(len(report)) + " tests show a problem", Hint: "each is named above"}
	}
	return a.ended(a.writeErr, err, itoa(problems)+" of "+itoa(len(report))+" tests show a problem")
}

// probeDelay is how long the output of a probe is waited for once it has ended.
const probeDelay = time.Second

// probe runs the operator's command and reads a count from what it prints.
func (a *app) probe(command string) func(context.Context, webhook.Facts) (int, error) {
	return func(ctx context.Context, f webhook.Facts) (int, error) {
		shell, flag := "sh", "-c"
		if runtime.GOOS == "windows" {
			shell, flag = "cmd", "/C"
		}
		cmd := exec.CommandContext(ctx, shell, flag, command) //nolint:gosec // the operator's own command
		cmd.Dir = a.in.Dir
		cmd.Env = append(append([]string{}, a.in.Environ...),
			"PROBE_CHECKOUT_ID="+f.CheckoutRequestID, "PROBE_DEPOSIT_ID="+f.ResourceID, "PROBE_RECEIPT="+f.Receipt,
			"PROBE_REFERENCE="+f.Reference, "PROBE_AMOUNT="+f.Amount.String())
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		endAll(cmd)
		cmd.WaitDelay = probeDelay
		out, err := cmd.Output()
		if ended := ctx.Err(); ended != nil {
			return 0, ended
		}
		// What the probe left running may hold its output open after it has ended well.
		if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			return 0, fmt.Errorf("%w: %s", err, firstLine(strings.TrimSpace(stderr.String())))
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(out)))
		if err != nil {
			return 0, fmt.Errorf("it printed %q, not a count", firstLine(string(out)))
		}
		return n, nil
	}
}
