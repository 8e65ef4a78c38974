package store

import (
	"context"
	"database/sql"
	"errors"
)

const sqlInstallToken = "SELECT value FROM meta WHERE name = 'install_token'" //nolint:gosec // a statement

// InstallToken returns the token of the installation that a shared ledger keeps, the same
// for all listeners; the first that asks brings fresh. It is "" where this user may not
// write and nobody has brought one.
func (s *Store) InstallToken(ctx context.Context, fresh string) (string, error) {
	var token string
	err := s.read.QueryRowContext(ctx, sqlInstallToken).Scan(&token)
	if errors.Is(err, sql.ErrNoRows) && !s.engine.ReadOnly() && fresh != "" {
		err = s.do(ctx, "keep the installation's token", func(ctx context.Context, t *tx) error {
			err := t.exec(ctx, "INSERT INTO meta (name, value) VALUES ('install_token', ?) ON CONFLICT (name) DO NOTHING", fresh)
			if err != nil {
				return err
			}
			return t.row(ctx, sqlInstallToken, nil, &token)
		})
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return token, s.kinded("read the installation's token", err)
}
