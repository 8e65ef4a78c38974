package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/wasaapay"
	"github.com/payctl/payctl/internal/webhook"
)

// maxRetries bounds how many waits --retry may name.
const maxRetries = 20

// parseRetry reads --retry: nothing, "provider", or waits.
func parseRetry(text string) (func(payment.ProviderID) []time.Duration, error) {
	switch text {
	case "":
		return nil, nil // no schedule is no further attempt
	case "provider":
		return replay.Schedule, nil
	}
	var waits []time.Duration
	for _, word := range strings.Split(text, ",") {
		wait, err := time.ParseDuration(strings.TrimSpace(word))
		if err != nil || wait < 0 {
			return nil, usagef("write provider, or waits such as 1s,5s,30s", "retry %q: is not a wait", word)
		}
		waits = append(waits, wait)
	}
	if len(waits) > maxRetries {
		return nil, usagef("use at most "+itoa(maxRetries), "retry: %d waits are too many", len(waits))
	}
	return func(payment.ProviderID) []time.Duration { return waits }, nil
}

// replayEdit changes bodies and signs them again, where that was asked for.
func (a *app) replayEdit(ctx context.Context, spec replaySpec) (func(store.StoredDelivery) (store.StoredDelivery, error), error) {
	if len(spec.Set) == 0 && !spec.Resign {
		return nil, nil // no edit sends the stored bytes
	}
	if !spec.Resign {
		a.out.Warn("set without --resign: what WasaaPay signed will no longer verify")
	}
	var keys webhook.Keys
	if spec.Resign {
		var err error
		if keys, err = a.webhookKeys(ctx); err != nil {
			return nil, err
		}
	}
	return func(d store.StoredDelivery) (store.StoredDelivery, error) {
		var err error
		if d.Body, err = webhook.Set(d.Body, spec.Set); err != nil || !spec.Resign {
			return d, err
		}
		switch d.Provider {
		case payment.WasaaPay:
			d.Body, err = wasaapay.Sign(d.Body, keys.WebhookSecret)
		case payment.Sevi:
			if !keys.SeviToken.IsSet() {
				return d, errors.New("no Sevi token is configured")
			}
			d.Header = d.Header.Clone()
			d.Header.Set("Authorization", keys.SeviToken.Reveal())
		case payment.Daraja:
		}
		return d, err
	}, nil
}
