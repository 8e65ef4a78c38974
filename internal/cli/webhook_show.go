package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/view"
)

type webhookShow struct {
	*session
	id            string
	raw, attempts bool
}

func newWebhookShow(s *session) *cobra.Command {
	v := &webhookShow{session: s}
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one stored delivery",
		Long: `Shows one delivery with its headers, its body and why it was or was not believed.
Phone numbers in the body are masked unless --show-phone is given; --raw writes the
exact bytes that arrived and nothing else.`,
		Example: "  payctl webhook show dlv_1\n  payctl webhook show dlv_1 --raw > body.json",
		Args:    oneArg("ID", &v.id),
		RunE:    s.quick(v.Run),
	}
	cmd.Flags().BoolVar(&v.raw, "raw", false, "write the exact bytes of the body")
	cmd.Flags().BoolVar(&v.attempts, "attempts", false, "add every attempt at sending it on, with its answer")
	return cmd
}

// Run shows a delivery.
func (v *webhookShow) Run(ctx context.Context) error {
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	id := strings.TrimSpace(v.id)
	d, err := ledger.Deliveries.Get(ctx, id)
	if err != nil {
		return err
	}
	if v.raw {
		return v.out.Raw(d.Body)
	}
	detail := view.NewDeliveryDetail(d, v.global.showPhone)
	if v.attempts {
		tried, err := ledger.Deliveries.Attempts(ctx, id)
		if err != nil {
			return err
		}
		detail.Attempts = []view.Attempt{}
		for _, at := range tried {
			detail.Attempts = append(detail.Attempts, view.NewAttempt(at, v.global.showPhone))
		}
	}
	return v.out.One(detail)
}
