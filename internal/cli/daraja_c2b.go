package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// The listener's routes for payments that customers make by themselves.
const (
	routeValidation   = "/callbacks/daraja/c2b/validation"
	routeConfirmation = "/callbacks/daraja/c2b/confirmation"
)

func newDarajaC2B(a *app) *cobra.Command {
	return group("daraja c2b", "Receive payments that customers make by themselves",
		`M-PESA posts a C2B payment to the confirmation URL and, where Safaricom switched
external validation on, asks the validation URL first. "payctl listen" answers both;
the settings listen.c2b_* say what is accepted.`,
		newDarajaC2BRegister(a), newDarajaC2BSimulate(a))
}

// acceptanceView is an answer that nothing more comes of by itself.
type acceptanceView struct {
	ShortCode                string  `json:"shortcode"`
	OriginatorConversationID *string `json:"originator_conversation_id"`
	Code                     *string `json:"code"`
	Message                  *string `json:"message"`
	ResponseType             *string `json:"response_type"`
	ConfirmationURL          *string `json:"confirmation_url"`
	ValidationURL            *string `json:"validation_url"`
}

func newAcceptanceView(conf *config.Config, a payment.Acceptance) acceptanceView {
	return acceptanceView{
		ShortCode: conf.Daraja.ShortCode, OriginatorConversationID: orNull(a.OriginatorConversationID), Code: orNull(a.Code), Message: orNull(a.Message),
	}
}

// Text writes an acceptance for people.
func (v acceptanceView) Text(t *ui.Text) {
	t.Fields(
		ui.KV("shortcode", ui.Bold(v.ShortCode)), ui.KV("answer", ui.OK(or(v.Message, "accepted"))), ui.KV("code", ui.Plain(or(v.Code, ""))),
		ui.KV("conversation", ui.Plain(or(v.OriginatorConversationID, ""))), ui.KV("without an answer", ui.Plain(or(v.ResponseType, ""))),
		ui.KV("confirmation", ui.Plain(or(v.ConfirmationURL, ""))), ui.KV("validation", ui.Plain(or(v.ValidationURL, ""))),
	)
}

type c2bRegisterOptions struct{ confirmation, validation, response string }

func newDarajaC2BRegister(a *app) *cobra.Command {
	var o c2bRegisterOptions
	cmd := &cobra.Command{
		Use:   "register",
		Short: "Tell M-PESA where to post C2B payments",
		Long: `Registers the confirmation and validation URLs of the profile's shortcode: by default
those of "payctl listen" behind callback_url, with the secret path if there is one.
Production takes this once; later changes are made on the portal.`,
		Example: "  payctl daraja c2b register\n  payctl daraja c2b register --response-type Cancelled",
		Args:    noArgs,
		RunE:    a.run(func(ctx context.Context) error { return a.c2bRegister(ctx, o) }),
	}
	f := cmd.Flags()
	f.StringVar(&o.confirmation, "confirmation-url", "", "`URL` that payments are posted to (default: the listener's)")
	f.StringVar(&o.validation, "validation-url", "", "`URL` that is asked first (default: the listener's)")
	f.StringVar(&o.response, "response-type", string(daraja.ResponseCompleted), "what becomes of a payment when validation does not answer: `Completed|Cancelled`")
	return cmd
}

func (a *app) c2bRegister(ctx context.Context, o c2bRegisterOptions) error {
	client, conf, err := a.darajaClient(ctx, merchantKeys())
	if err != nil {
		return err
	}
	if o.confirmation == "" || o.validation == "" {
		if err := a.checkCallbackURL(conf); err != nil {
			return err
		}
	}
	token, err := a.secretSegment(conf)
	if err != nil {
		return err
	}
	request := daraja.C2BRegistration{ResponseType: daraja.ResponseType(o.response), ConfirmationURL: o.confirmation, ValidationURL: o.validation}
	if request.ConfirmationURL == "" {
		request.ConfirmationURL = conf.CallbackURL + routeConfirmation + token
	}
	if request.ValidationURL == "" {
		request.ValidationURL = conf.CallbackURL + routeValidation + token
	}
	if err := a.confirmOnce(ctx, conf); err != nil {
		return err
	}
	ctx, cancel := a.withTimeout(ctx, sendTimeout)
	defer cancel()
	progress := a.out.Progress("registering C2B URLs for " + conf.Daraja.ShortCode)
	accepted, err := client.C2BRegister(ctx, request)
	progress.Stop()
	if err != nil {
		return err
	}
	v := newAcceptanceView(conf, accepted)
	v.ResponseType, v.ConfirmationURL, v.ValidationURL = &o.response, hideSegment(request.ConfirmationURL, token), hideSegment(request.ValidationURL, token)
	return a.out.One(v)
}

// secretSegment is "/TOKEN" where "payctl listen --secret-path" made one beside
// the ledger, else "".
func (a *app) secretSegment(conf *config.Config) (string, error) {
	path, err := conf.Ledger()
	if err != nil {
		return "", err
	}
	token, err := existingToken(path)
	if token == "" || err != nil {
		return "", err
	}
	return "/" + token, nil
}

// hideSegment keeps the secret path out of what is shown.
func hideSegment(url, segment string) *string {
	if segment != "" {
		url = strings.Replace(url, segment, "/[secret]", 1)
	}
	return &url
}

// confirmOnce asks before what production takes only once.
func (a *app) confirmOnce(ctx context.Context, conf *config.Config) error {
	if conf.Environment != payment.Production || a.global.yes {
		return nil
	}
	if interactive, _ := terminal(a.in.Stdin); !interactive {
		return usagef("add --yes", "production: C2B URLs are registered once, and stdin is not a terminal to confirm it")
	}
	a.out.Warn("production takes this once for %s (profile %s)", conf.Daraja.ShortCode, conf.Profile)
	a.out.Prompt("Type the shortcode to go on:")
	line, err := a.typed(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || strings.TrimSpace(line) != conf.Daraja.ShortCode {
		return payment.Usage("production: the shortcode was not typed", "nothing was sent")
	}
	return nil
}

type c2bSimulateOptions struct{ phone, amount, reference string }

func newDarajaC2BSimulate(a *app) *cobra.Command {
	var o c2bSimulateOptions
	cmd := &cobra.Command{
		Use:   "simulate --phone NUMBER --amount AMOUNT --reference TEXT",
		Short: "Invent a C2B payment in the sandbox",
		Long: `Makes the sandbox, or the emulator, act as if a customer had paid to the shortcode.
What comes of it is posted to the registered URLs: see "payctl webhook list".`,
		Example: "  payctl daraja c2b simulate --phone 0712345678 --amount 10 --reference INV-1",
		Args:    noArgs,
		RunE:    a.run(func(ctx context.Context) error { return a.c2bSimulate(ctx, o) }),
	}
	f := cmd.Flags()
	f.StringVar(&o.phone, "phone", "", "the paying customer's `NUMBER`")
	f.StringVar(&o.amount, "amount", "", "`AMOUNT` in KES, whole shillings")
	f.StringVar(&o.reference, "reference", "", "account number that the customer types: `TEXT` of 1 to 20 characters (paybill)")
	return cmd
}

func (a *app) c2bSimulate(ctx context.Context, o c2bSimulateOptions) error {
	if err := checkFlags(payment.Daraja, depositCreateOptions{phone: o.phone, amount: o.amount}); err != nil {
		return err
	}
	phone, err := payment.ParsePhone(o.phone)
	if err != nil {
		return err
	}
	amount, err := payment.ParseAmount(o.amount, payment.KES)
	if err != nil {
		return err
	}
	client, conf, err := a.darajaClient(ctx, merchantKeys())
	if err != nil {
		return err
	}
	ctx, cancel := a.withTimeout(ctx, sendTimeout)
	defer cancel()
	progress := a.out.Progress("simulating a payment of " + phone.String())
	accepted, err := client.C2BSimulate(ctx, daraja.C2BSimulation{Amount: amount, Phone: phone, BillRefNumber: o.reference})
	progress.Stop()
	if err != nil {
		return err
	}
	return a.out.One(newAcceptanceView(conf, accepted))
}
