package cli

import (
	"context"
	"sync"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/watch"
)

// promptQuestions has the provider asked about what a callback tells and does not prove,
// while the listener runs. It returns what to tell of such a deposit, and what ends it and
// waits.
func (v *listenCommand) promptQuestions(ctx context.Context, conf *config.Config, ledger *store.Store) (unproved func(id string), stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ask := func(ctx context.Context, d payment.Deposit) (payment.Answer, error) {
		if d.Environment != conf.Environment {
			return payment.Answer{}, usagef("choose the profile with --profile", "it is of environment %s, the profile %s is of %s", d.Environment, conf.Profile, conf.Environment)
		}
		p, err := v.provider(ctx, d.Provider, nil)
		if err != nil {
			return payment.Answer{}, err
		}
		return watch.Once(ctx, v.watchOptions(p, watch.ViaPoll, ledger), d, func(string) {})
	}
	prompter := deposit.NewPrompter(ledger.Deposits, ask, v.now, func(d payment.Deposit, why string) {
		v.out.Warn("%s: its callback proves nothing, and the provider was asked in vain: %s", d.ID, v.phoneText(payment.FirstLine(why)))
	})
	var running sync.WaitGroup
	running.Go(func() { prompter.Run(ctx) })
	return prompter.Prompt, func() { cancel(); running.Wait() }
}
