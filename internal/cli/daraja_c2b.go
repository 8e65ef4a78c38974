package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/presence"
	"github.com/payctl/payctl/internal/view"
)

// The listener's routes for payments that customers make by themselves.
const (
	routeValidation   = "/callbacks/daraja/c2b/validation"
	routeConfirmation = "/callbacks/daraja/c2b/confirmation"
)

func newDarajaC2B(s *session) *cobra.Command {
	return group(s, "daraja c2b", "Receive payments that customers make by themselves",
		`M-PESA posts a C2B payment to the confirmation URL and, where Safaricom switched
external validation on, asks the validation URL first. "payctl listen" answers both;
the settings listen.c2b_* say what is accepted.`,
		command{"register", newDarajaC2BRegister}, command{"simulate", newDarajaC2BSimulate})
}

// darajaC2BRegister is "payctl daraja c2b register".
type darajaC2BRegister struct {
	*session
	confirmation, validation, response string
}

func newDarajaC2BRegister(s *session) *cobra.Command {
	v := &darajaC2BRegister{session: s}
	cmd := &cobra.Command{
		Use:   "register",
		Short: "Tell M-PESA where to post C2B payments",
		Long: `Registers the confirmation and validation URLs of the profile's shortcode: by default
those of "payctl listen" behind callback_url, with the secret path if there is one.
Production takes this once; later changes are made on the portal.`,
		Example: "  payctl daraja c2b register\n  payctl daraja c2b register --response-type Cancelled",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.confirmation, "confirmation-url", "", "`URL` that payments are posted to (default: the listener's)")
	f.StringVar(&v.validation, "validation-url", "", "`URL` that is asked first (default: the listener's)")
	f.StringVar(&v.response, "response-type", string(daraja.ResponseCompleted), "what becomes of a payment when validation does not answer: `Completed|Cancelled`")
	return cmd
}

// Run registers the URLs.
func (v *darajaC2BRegister) Run(ctx context.Context) error {
	client, conf, err := openDaraja(ctx, v.session, merchantKeys())
	if err != nil {
		return err
	}
	if v.confirmation == "" || v.validation == "" {
		if err := checkCallbackURL(v.session, conf); err != nil {
			return err
		}
	}
	token, err := secretSegment(ctx, v.session, conf)
	if err != nil {
		return err
	}
	request := daraja.C2BRegistration{ResponseType: daraja.ResponseType(v.response), ConfirmationURL: v.confirmation, ValidationURL: v.validation}
	if request.ConfirmationURL == "" {
		request.ConfirmationURL = conf.CallbackURL + routeConfirmation + token
	}
	if request.ValidationURL == "" {
		request.ValidationURL = conf.CallbackURL + routeValidation + token
	}
	if err := v.meets(ctx, request); err != nil {
		return err
	}
	if err := v.confirmOnce(ctx, conf); err != nil {
		return err
	}
	ctx, cancel := v.deadline.bound(ctx, sendTimeout)
	defer cancel()
	progress := v.out.Progress("registering C2B URLs for " + conf.Daraja.ShortCode)
	accepted, err := client.C2BRegister(ctx, request)
	progress.Stop()
	if err != nil {
		return err
	}
	acted(ctx, v.session, v.config, "shortcode "+conf.Daraja.ShortCode+": "+*hideSegment(request.ConfirmationURL, token))
	shown := view.NewAcceptance(conf.Daraja.ShortCode, accepted)
	shown.ResponseType, shown.ConfirmationURL, shown.ValidationURL = &v.response, hideSegment(request.ConfirmationURL, token), hideSegment(request.ValidationURL, token)
	return v.out.One(shown)
}

// askTime is what a listener has to answer before a registration.
const askTime = 5 * time.Second

// meets holds the URLs against the listener's routes, and asks from outside who answers
// there: M-PESA posts each payment once. A near miss is KindUsage; nobody there is a
// warning, since a listener may start later.
func (v *darajaC2BRegister) meets(ctx context.Context, r daraja.C2BRegistration) error {
	asked := map[string]bool{}
	for _, u := range []struct{ what, url, route string }{
		{"confirmation-url", r.ConfirmationURL, routeConfirmation}, {"validation-url", r.ValidationURL, routeValidation},
	} {
		base, err := v.providers.CheckRoute(u.what, u.url, u.route)
		if err != nil {
			return err
		}
		if base == "" || asked[base] {
			continue
		}
		asked[base] = true
		bounded, cancel := context.WithTimeout(ctx, askTime)
		var prove func(string) string
		if ledger, err := v.readLedger(bounded); err == nil {
			prove = ledger.Prove
		}
		problem := presence.RouteProblem(bounded, v.client, base, u.url, prove)
		cancel()
		if problem != "" {
			v.out.Warn("%s: %s; what customers pay until that is mended is not told to this ledger, and M-PESA posts it once (payctl doctor looks closer)", u.what, problem)
		}
	}
	return nil
}

// secretSegment is "/TOKEN" where "payctl listen --secret-path" made one beside
// the ledger, else "".
func secretSegment(ctx context.Context, s *session, conf *config.Config) (string, error) {
	token, err := s.existingToken(ctx, conf)
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
func (v *darajaC2BRegister) confirmOnce(ctx context.Context, conf *config.Config) error {
	if conf.Environment != payment.Production || v.global.yes {
		return nil
	}
	if !isTerminal(v.in.Stdin) {
		return usagef("add --yes", "production: C2B URLs are registered once, and stdin is not a terminal to confirm it")
	}
	v.out.Warn("production takes this once for %s (profile %s)", conf.Daraja.ShortCode, conf.Profile)
	v.out.Prompt("Type the shortcode to go on:")
	line, err := v.typed(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || strings.TrimSpace(line) != conf.Daraja.ShortCode {
		return payment.Usage("production: the shortcode was not typed", "nothing was sent")
	}
	return nil
}

// darajaC2BSimulate is "payctl daraja c2b simulate".
type darajaC2BSimulate struct {
	*session
	phone, amount, reference string
}

func newDarajaC2BSimulate(s *session) *cobra.Command {
	v := &darajaC2BSimulate{session: s}
	cmd := &cobra.Command{
		Use:   "simulate --phone NUMBER --amount AMOUNT --reference TEXT",
		Short: "Invent a C2B payment in the sandbox",
		Long: `Makes the sandbox, or the emulator, act as if a customer had paid to the shortcode.
What comes of it is posted to the registered URLs: see "payctl webhook list".`,
		Example: "  payctl daraja c2b simulate --phone 0712345678 --amount 10 --reference INV-1",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.phone, "phone", "", "the paying customer's `NUMBER`")
	f.StringVar(&v.amount, "amount", "", "`AMOUNT` in KES, whole shillings")
	f.StringVar(&v.reference, "reference", "", "account number that the customer types: `TEXT` of 1 to 20 characters (paybill)")
	return cmd
}

// Run has the sandbox invent a payment.
func (v *darajaC2BSimulate) Run(ctx context.Context) error {
	phone, err := flagPhone(v.phone)
	if err != nil {
		return err
	}
	amount, err := flagAmount(v.amount)
	if err != nil {
		return err
	}
	client, conf, err := openDaraja(ctx, v.session, merchantKeys())
	if err != nil {
		return err
	}
	ctx, cancel := v.deadline.bound(ctx, sendTimeout)
	defer cancel()
	progress := v.out.Progress("simulating a payment of " + phone.String())
	accepted, err := client.C2BSimulate(ctx, daraja.C2BSimulation{Amount: amount, Phone: phone, BillRefNumber: v.reference})
	progress.Stop()
	if err != nil {
		return err
	}
	acted(ctx, v.session, v.config, amount.String()+" "+string(amount.Currency())+" to shortcode "+conf.Daraja.ShortCode)
	return v.out.One(view.NewAcceptance(conf.Daraja.ShortCode, accepted))
}
