package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/webhook"
)

type webhookHammer struct {
	*session
	send                 sendFlags
	url, provider, probe string
	copies               int
	settle               time.Duration
	allowRemote          bool
}

func newWebhookHammer(s *session) *cobra.Command {
	v := &webhookHammer{session: s}
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
		Args:    oneArg("URL", &v.url),
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.provider, "provider", "daraja", "whose events: `daraja|wasaapay`")
	f.StringVar(&v.probe, "probe", "", "shell `CMD` that prints how often a payment was credited")
	f.IntVar(&v.copies, "copies", 20, "send `N` copies at once, at most 1000")
	f.DurationVar(&v.settle, "settle", 200*time.Millisecond, "`DURATION` your endpoint gets before the probe asks")
	f.BoolVar(&v.allowRemote, "allow-remote", false, "let the target be on another machine")
	v.send.bind(f)
	return cmd
}

// hammerTimeout bounds the whole of it.
const hammerTimeout = 5 * time.Minute

// Run hammers and reports.
func (v *webhookHammer) Run(ctx context.Context) error {
	id, err := v.providers.Parse(v.provider)
	if err != nil {
		return err
	}
	sender, err := v.send.sender(webhook.MaxCopies)
	if err != nil {
		return err
	}
	if err := sender.Check(ctx, v.url, v.allowRemote); err != nil {
		return err
	}
	if v.copies < 1 || v.copies > webhook.MaxCopies {
		return usagef("use 1 to 1000", "copies %d: is out of range", v.copies)
	}
	bench, err := v.keys().Bench(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := v.deadline.bound(ctx, hammerTimeout)
	defer cancel()
	h := &webhook.Hammer{
		URL: v.url, Provider: id, Copies: v.copies, Bench: bench, Sender: sender, Settle: v.settle, Now: v.now,
	}
	if v.probe != "" {
		h.Probe = webhook.ProbeCommand{Command: v.probe, Dir: v.in.Dir, Environ: v.in.Environ}.Credits
	}
	progress := v.out.Progress("hammering " + deliver.Shown(v.url))
	report, err := h.Run(ctx)
	progress.Stop()
	if ended := ctx.Err(); ended != nil && len(report) > 0 {
		// The test that was going on was cut short: it says nothing of the endpoint.
		report, err = report[:len(report)-1], ended
	}
	return v.report(report, err)
}

func (v *webhookHammer) report(report []webhook.Blow, err error) error {
	problems, missed, views := 0, "", make([]view.Blow, 0, len(report))
	for _, b := range report {
		if b.Problem != "" {
			problems++
		}
		if missed == "" {
			missed = b.Error
		}
		views = append(views, view.NewBlow(b))
	}
	if len(views) > 0 {
		v.keepErr(ui.Several(v.out, views))
	}
	about := itoa(problems) + " of " + itoa(len(report)) + " tests show a problem"
	switch {
	case err != nil:
		err = webhook.NoAnswer(v.url, err)
	case problems > 0:
		err = &payment.Error{Kind: payment.KindConflict, Message: about, Hint: "each is named above"}
	case missed != "":
		err = &payment.Error{Kind: payment.KindUnavailable, Message: "not every request reached the endpoint: " + missed, Hint: "this is no word against the endpoint: mend the way to it and try again", Retryable: true}
	}
	return v.ended(v.writeErr, err, about)
}
