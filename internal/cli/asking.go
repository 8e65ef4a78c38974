package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/listen"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// asking is what the verbs share that ask Daraja a question and wait for its result.
type asking struct {
	*session
	noWait   bool
	addr     string
	progress *ui.Progress
}

func (v *asking) bind(f *pflag.FlagSet) {
	bindNewLedger(f, v.session)
	f.BoolVar(&v.noWait, "no-wait", false, "print the acceptance and do not wait for the result")
	f.StringVar(&v.addr, "addr", "", "when no listener runs, receive the result at `HOST:PORT` (default: the callback URL's own, else "+inquiry.UsualAddr+")")
}

// inquirer opens the ledger for questions; client is nil where none is sent.
func (v *asking) inquirer(ctx context.Context, conf *config.Config, client *daraja.Client) (*inquiry.Inquirer, error) {
	if _, err := v.openLedger(ctx); err != nil {
		return nil, err
	}
	return &inquiry.Inquirer{
		Ledger: v.ledger, Client: client, Tell: v.tell, Mask: v.phoneText,
		Account: inquiry.Account{
			Environment: conf.Environment, Profile: conf.Profile, ShortCode: conf.Daraja.ShortCode, Till: conf.Daraja.Till, CallbackURL: conf.CallbackURL,
		},
		Mailbox: &inquiry.Mailbox{
			Addr: v.addr, HTTP: v.client, Served: conf.ThroughTunnel(), Now: v.now,
			Receiver: func(ctx context.Context) (inquiry.Server, error) { return v.receiver(ctx, conf) },
		},
	}, nil
}

// receiver receives as "payctl listen" would, without forwarding.
func (v *asking) receiver(ctx context.Context, conf *config.Config) (*listen.Server, error) {
	receivers, _, err := v.providers.Receivers(ctx, conf)
	if err != nil {
		return nil, err
	}
	token, err := v.existingToken(ctx, conf)
	if err != nil {
		return nil, err
	}
	logger, err := v.logger("text")
	if err != nil {
		return nil, err
	}
	return listen.New(listen.Options{
		Ledger: listen.LedgerOf(v.ledger), Prove: v.ledger.Prove, HashCredential: v.ledger.ProveCredential, Receivers: receivers, Routes: v.providers.Routes(), InstallToken: token, SpillDir: v.ledger.Beside("spill"), LedgerID: v.ledger.SharedID(),
		TrustedProxies: conf.Listen.TrustedProxies, AddressCheck: v.providers.Sender(conf),
		C2BUntrusted: opensC2B(conf, token), Logger: logger, Now: v.now,
	})
}

func (v *asking) tell(n inquiry.Notice) {
	switch n.Level {
	case inquiry.Step:
		v.progress.Stop()
		v.progress = v.out.Progress(n.Text)
	case inquiry.Note:
		v.out.Note("%s", n.Text)
	case inquiry.Warning:
		v.out.Warn("%s", payment.FirstLine(n.Text))
	}
}

// show prints what there is of a result and returns what it means.
func (v *asking) show(r inquiry.Result, outcome error) error {
	v.progress.Stop()
	if r.Query.ID == "" {
		return outcome
	}
	printed := v.out.One(view.NewQuery(r, v.global.showPhone))
	if r.Deposit != nil {
		v.out.Note("it is about deposit %s, which is %s", r.Deposit.ID, r.Deposit.Status)
	}
	return v.ended(printed, outcome, inquiry.Name(r.Query)+" is "+string(r.Query.Status))
}
