package cli

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// darajaQR is "payctl daraja qr".
type darajaQR struct {
	*session
	amount, merchant, reference string
	kind, cpi                   string
	size                        int
	output                      outputFile
}

func newDarajaQR(s *session) *cobra.Command {
	v := &darajaQR{session: s}
	cmd := &cobra.Command{
		Use:   "qr --merchant NAME --amount AMOUNT --reference TEXT",
		Short: "Make a QR code that a customer can pay by",
		Long: `Asks Daraja for a dynamic QR code, draws it in the terminal and writes the PNG picture
to a file. The codes of --type are BG buy goods, PB paybill, WA withdraw at an agent,
SM send money, SB send to business.`,
		Example: "  payctl daraja qr --merchant 'Duka Moja' --amount 150 --reference INV-1 --output-file invoice.png",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.merchant, "merchant", "", "`NAME` that the customer sees")
	f.StringVar(&v.amount, "amount", "", "`AMOUNT` in KES, whole shillings")
	f.StringVar(&v.reference, "reference", "", "the payment's `TEXT`")
	f.StringVar(&v.kind, "type", "", "`BG|PB|WA|SM|SB` (default: BG for a till, else PB)")
	f.StringVar(&v.cpi, "to", "", "`NUMBER` paid to (default: the profile's till or shortcode)")
	f.IntVar(&v.size, "size", 300, "width and height of the picture in `PIXELS`")
	v.output.bind(f, "write the PNG picture to this `FILE`")
	return cmd
}

// Run asks for the code, draws it and writes the picture.
func (v *darajaQR) Run(ctx context.Context) error {
	amount, err := flagAmount(v.amount)
	if err == nil {
		err = v.output.check()
	}
	if err != nil {
		return err
	}
	client, _, err := openDaraja(ctx, v.session, appKeys())
	if err != nil {
		return err
	}
	ctx, cancel := v.deadline.bound(ctx, sendTimeout)
	defer cancel()
	progress := v.out.Progress("asking for a QR code")
	picture, err := client.DynamicQR(ctx, daraja.QRRequest{
		MerchantName: v.merchant, Reference: v.reference, Amount: amount, Kind: daraja.QRKind(strings.ToUpper(v.kind)), CPI: v.cpi, Size: v.size,
	})
	progress.Stop()
	if err != nil {
		return err
	}
	shown := view.QR{
		Merchant: v.merchant, Amount: amount.String(), Currency: string(amount.Currency()), Reference: v.reference,
		Type: payment.OrNull(strings.ToUpper(v.kind)), File: payment.OrNull(v.output.file), Bytes: len(picture),
	}
	if v.output.file == "" {
		shown.PNG = payment.OrNull(base64.StdEncoding.EncodeToString(picture))
	} else if err := v.output.save(v.output.file, picture); err != nil {
		return err
	}
	var drawable bool
	shown.Drawn, drawable = view.DrawQR(picture)
	if !drawable {
		if v.output.file == "" && v.out.Format() == ui.FormatText {
			return usagef("add --output-file FILE and look at the picture", "the picture cannot be drawn in a terminal")
		}
		v.out.Note("the picture cannot be drawn in a terminal; look at the file")
	}
	return v.out.One(shown)
}
