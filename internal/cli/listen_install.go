package cli

import (
	"context"
	"errors"
	"io/fs"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/listen"
)

// installToken is the token of this installation, made on first use; "" when no secret
// path is wanted.
func (v *listenCommand) installToken(ctx context.Context, path string) (string, error) {
	switch {
	case !v.secretPath && !v.printSecretPath:
		return "", nil
	case v.ledger != nil:
		return listen.SharedToken(ctx, v.ledger, v.out.Warn)
	}
	return listen.InstallToken(listen.TokenFile(path))
}

// existingToken is the secret path of this installation, "" where it has none.
func (s *session) existingToken(ctx context.Context, conf *config.Config) (string, error) {
	path, err := conf.Ledger()
	if err != nil {
		return "", err
	}
	if conf.SharedLedger() {
		ledger, err := s.readLedger(ctx)
		if err != nil {
			return "", err
		}
		return ledger.InstallToken(ctx, "")
	}
	token, err := listen.ReadToken(listen.TokenFile(path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return token, err
}
