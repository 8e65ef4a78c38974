package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

func newDarajaPull(s *session) *cobra.Command {
	return group(s, "daraja pull", "Find payments whose callback was missed",
		`The pull API lists what customers paid to the shortcode in the last 48 hours: the
best tool for payments whose callback never came. It needs one registration.`,
		command{"list", newDarajaPullList}, command{"register", newDarajaPullRegister})
}

// darajaPullRegister is "payctl daraja pull register".
type darajaPullRegister struct {
	*session
	phone, callback string
}

func newDarajaPullRegister(s *session) *cobra.Command {
	v := &darajaPullRegister{session: s}
	cmd := &cobra.Command{
		Use:     "register --phone NUMBER",
		Short:   "Register the shortcode for the pull API",
		Long:    "Registers the profile's shortcode once; a second time is no error.",
		Example: "  payctl daraja pull register --phone 0712345678",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	cmd.Flags().StringVar(&v.phone, "phone", "", "nominated `NUMBER` that Safaricom has on file for the shortcode")
	cmd.Flags().StringVar(&v.callback, "callback-url", "", "`URL` of the registration (default: the listener's C2B confirmation)")
	return cmd
}

// Run registers the shortcode.
func (v *darajaPullRegister) Run(ctx context.Context) error {
	nominated, err := payment.ParsePhone(v.phone)
	if err != nil {
		return err
	}
	client, conf, err := openDaraja(ctx, v.session, merchantKeys())
	if err != nil {
		return err
	}
	callback := v.callback
	if callback == "" {
		if err := checkCallbackURL(v.session, conf); err != nil {
			return err
		}
		token, err := secretSegment(ctx, v.session, conf)
		if err != nil {
			return err
		}
		callback = conf.CallbackURL + routeConfirmation + token
	}
	ctx, cancel := v.deadline.bound(ctx, sendTimeout)
	defer cancel()
	already, err := client.PullRegister(ctx, nominated, callback)
	if err != nil {
		return err
	}
	acted(ctx, v.session, v.config, "shortcode "+conf.Daraja.ShortCode)
	return v.out.One(view.PullRegistered{ShortCode: conf.Daraja.ShortCode, Already: already})
}

// darajaPullList is "payctl daraja pull list".
type darajaPullList struct {
	*session
	since, until string
	limit        int
	missed       bool
}

func newDarajaPullList(s *session) *cobra.Command {
	v := &darajaPullList{session: s}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the payments of the last 48 hours",
		Long: `Lists what customers paid to the shortcode, page after page, each receipt once, and
says what the ledger knows of it: a deposit, a C2B callback, or nothing (missed). A
deposit that a missed payment fits by amount, phone, reference and time is named and
told of it; one that is paid and lacks the receipt alone gets it.`,
		Example: "  payctl daraja pull list\n  payctl daraja pull list --since 6h --missed -o ndjson",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.since, "since", "48h", "paid at or after this `TIME` (RFC 3339, a date, or 6h for six hours ago)")
	f.StringVar(&v.until, "until", "", "paid before this `TIME` (default: now)")
	f.IntVar(&v.limit, "limit", 0, "at most `N`, 0 for all")
	f.BoolVar(&v.missed, "missed", false, "only what the ledger knows nothing of")
	return cmd
}

// errEnough ends a listing at its limit.
var errEnough = errors.New("enough")

// Run lists what M-PESA knows, and whether the ledger does.
func (v *darajaPullList) Run(ctx context.Context) error {
	if v.limit < 0 {
		return usagef("use 0 for all", "limit %d: is negative", v.limit)
	}
	since, err := v.parseTime("since", v.since)
	if err != nil {
		return err
	}
	until, err := v.parseTime("until", v.until)
	if err != nil {
		return err
	}
	if until.IsZero() {
		until = v.now()
	}
	client, _, err := openDaraja(ctx, v.session, merchantKeys())
	if err != nil {
		return err
	}
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	look := &inquiry.Puller{Ledger: ledger, Environment: v.conf.Environment, Since: since}
	ctx, cancel := v.deadline.bound(ctx, 20*sendTimeout)
	defer cancel()
	progress := v.out.Progress("listing payments")
	views := []view.Pulled{}
	end, err := client.PullAll(ctx, since, until, func(row daraja.PullRow) error {
		pulled, err := look.Look(ctx, row)
		if err != nil {
			return err
		}
		for _, d := range pulled.Fits {
			v.out.Note("%s fits deposit %s, which is %s", row.Receipt, d.ID, d.Status)
		}
		if !v.missed || !pulled.Known() {
			views = append(views, view.NewPulled(pulled, v.global.showPhone))
		}
		if v.limit > 0 && len(views) == v.limit {
			return errEnough
		}
		return nil
	})
	progress.Stop()
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	about := itoa(len(views)) + " payments were listed"
	return v.ended(v.list(views, end), end.Err(), about)
}

// list prints what was listed and what M-PESA says of it.
func (v *darajaPullList) list(views []view.Pulled, end daraja.PullEnd) error {
	message := payment.OrNull(v.phoneText(end.Message))
	switch v.out.Format() {
	case ui.FormatJSON:
		return v.out.One(view.PulledList{Rows: views, Message: message, Ambiguous: end.Ambiguous})
	case ui.FormatNDJSON:
		var last view.PulledSummary
		last.Summary.Message, last.Summary.Ambiguous = message, end.Ambiguous
		for _, row := range views {
			if err := v.out.Line(row); err != nil {
				return err
			}
		}
		return v.out.Line(last)
	case ui.FormatText, ui.FormatCSV:
	}
	return ui.List(v.out, ui.Columns("RECEIPT", "PAID", "AMOUNT", "PHONE", "REFERENCE", "LEDGER"), views)
}
