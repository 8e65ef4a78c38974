package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

func newWebhookQueue(s *session) *cobra.Command {
	return group(s, "webhook queue", "See and change what waits to be forwarded",
		`"payctl listen --forward-to" keeps in the ledger what is still to reach a target, and what
it has given up. A target is named as it was given to --forward-to.`,
		command{"list", newWebhookQueueList}, command{"drop", newWebhookQueueDrop}, command{"move", newWebhookQueueMove})
}

type webhookQueueList struct {
	*session
	limit int
}

func newWebhookQueueList(s *session) *cobra.Command {
	v := &webhookQueueList{session: s}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List what waits to be forwarded, and what was given up",
		Long:    "Lists the forward queue: what waits before what is dead, each in the order of its turn." + narrow(view.QueueColumns()),
		Example: "  payctl webhook queue list\n  payctl webhook queue list -o json --jq '[.[] | select(.state == \"dead\")]'",
		Args:    noArgs,
		RunE:    s.quick(v.Run),
	}
	cmd.Flags().IntVar(&v.limit, "limit", 50, "at most `N`, 0 for all")
	return cmd
}

// Run lists the queue.
func (v *webhookQueueList) Run(ctx context.Context) error {
	if v.limit < 0 {
		return usagef("use 0 for all", "limit %d: is negative", v.limit)
	}
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	queue, total, err := cutAt(v.limit, v.counts(), func(limit int) ([]store.Queued, error) { return ledger.Forwards.Queue(ctx, limit) })
	if err != nil {
		return err
	}
	views := make([]view.Queued, len(queue))
	for i, q := range queue {
		views[i] = view.NewQueued(q)
	}
	v.listed(ctx, "forwards that wait or were given up", len(views), total)
	return ui.List(v.out, view.QueueColumns(), views)
}

type webhookQueueDrop struct {
	*session
	ids []string
	to  string
	all bool
}

func newWebhookQueueDrop(s *session) *cobra.Command {
	v := &webhookQueueDrop{session: s}
	cmd := &cobra.Command{
		Use:   "drop [ID...]",
		Short: "Take forwards off the queue for good",
		Long: `Drops what waits to be forwarded or was given up: of the deliveries named, of one target,
or all of it. The deliveries stay in the ledger, and so do the attempts; but nobody tries
them again, "replay --failed" included.`,
		Example: "  payctl webhook queue drop --to http://127.0.0.1:3000/hok\n  payctl webhook queue drop dlv_1 dlv_2",
		Args:    func(_ *cobra.Command, args []string) error { v.ids = args; return nil },
		RunE:    s.run(v.Run),
	}
	cmd.Flags().StringVar(&v.to, "to", "", "drop what is queued for this `URL`")
	cmd.Flags().BoolVar(&v.all, "all", false, "drop the whole queue")
	return cmd
}

// Run drops forwards.
func (v *webhookQueueDrop) Run(ctx context.Context) error {
	choice := store.Choice{Target: v.to, All: v.all}
	for _, id := range v.ids {
		choice.Deliveries = append(choice.Deliveries, strings.TrimSpace(id))
	}
	ways := 0
	for _, given := range []bool{len(v.ids) > 0, v.to != "", v.all} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return usagef("give ids, --to URL, or --all", "what to drop is said in %d ways, not one", ways)
	}
	ledger, err := v.openLedger(ctx)
	if err != nil {
		return err
	}
	n, err := ledger.Forwards.Drop(ctx, choice)
	if err != nil {
		return err
	}
	if n == 0 && !v.all {
		return nothingQueued(strings.Join(v.ids, ", ") + v.shownTarget())
	}
	return v.out.One(view.QueueChange{Dropped: &n})
}

func (v *webhookQueueDrop) shownTarget() string {
	if v.to == "" {
		return ""
	}
	return deliver.Shown(v.to)
}

// nothingQueued says that a target or a delivery has nothing in the queue.
func nothingQueued(what string) error {
	return payment.NotFound("nothing is queued for "+payment.Line(what, 200), `see what is with "payctl webhook queue list"`)
}

type webhookQueueMove struct {
	*session
	from, to string
}

func newWebhookQueueMove(s *session) *cobra.Command {
	v := &webhookQueueMove{session: s}
	cmd := &cobra.Command{
		Use:   "move --from URL --to URL",
		Short: "Give what is queued for one target to another",
		Long: `Moves what waits for a target, or was given up, to another target, due at once. A running
"payctl listen" sends it, whatever its own --forward-to names; so does the next one.`,
		Example: "  payctl webhook queue move --from http://127.0.0.1:3000/hok --to http://127.0.0.1:3000/hook",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	cmd.Flags().StringVar(&v.from, "from", "", "the `URL` that it is queued for")
	cmd.Flags().StringVar(&v.to, "to", "", "the `URL` that is to get it")
	return cmd
}

// Run moves forwards.
func (v *webhookQueueMove) Run(ctx context.Context) error {
	switch {
	case v.from == "" || v.to == "":
		return usagef("name both URLs, as --forward-to has them", "from and to: one is missing")
	case v.from == v.to:
		return usagef("name another target", "to %s: is where it is queued already", deliver.Shown(v.to))
	}
	if err := deliver.New(deliver.Options{}).Check(ctx, v.to, true); err != nil {
		return err
	}
	ledger, err := v.openLedger(ctx)
	if err != nil {
		return err
	}
	n, err := ledger.Forwards.Move(ctx, v.from, v.to)
	if err != nil {
		return err
	}
	if n == 0 {
		return nothingQueued(deliver.Shown(v.from))
	}
	return v.out.One(view.QueueChange{Moved: &n})
}
