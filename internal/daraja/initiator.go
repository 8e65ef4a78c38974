package daraja

import (
	"context"
	"errors"

	"github.com/payctl/payctl/internal/payment"
)

// securityCredential seals the initiator's password, fetched for the call that
// carries it. Nothing was sent when it fails; errors are those of the fetching,
// of EncryptCredential, and KindInterrupted or KindUnavailable when ctx ended.
func (c *Client) securityCredential(ctx context.Context, endpoint string) (string, error) {
	password, certificate := c.cfg.InitiatorPassword, c.cfg.Certificate
	var err error
	if c.cfg.FetchInitiatorPassword != nil {
		if password, err = c.cfg.FetchInitiatorPassword(ctx); err != nil {
			return "", unfetched(ctx, endpoint, err)
		}
	}
	if c.cfg.ReadCertificate != nil {
		if certificate, err = c.cfg.ReadCertificate(); err != nil {
			return "", unfetched(ctx, endpoint, err)
		}
	}
	credential, _, err := EncryptCredential(password, certificate)
	return credential, err
}

// unfetched gives what ended a fetch a kind: an error without one would leave
// open whether the request was sent.
func unfetched(ctx context.Context, endpoint string, err error) error {
	var e *payment.Error
	if ctx.Err() == nil || errors.As(err, &e) {
		return err
	}
	kind := payment.KindInterrupted
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		kind = payment.KindUnavailable
	}
	return &payment.Error{Kind: kind, Retryable: true, Message: endpoint + ": stopped while waiting for the initiator's password; nothing was sent", Provider: payment.Daraja, Err: ctx.Err()}
}
