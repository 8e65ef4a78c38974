// Package postgrestest gives tests ledgers in a PostgreSQL server, where there is one:
// testdata/postgres/run.sh starts one and names it in the environment.
package postgrestest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/payctl/payctl/internal/store/postgres"
)

// Variable names the server, by a URL of its owner.
const Variable = "PAYCTL_TEST_POSTGRES"

// Server returns the URL of the server for tests, "" for none.
func Server() string { return os.Getenv(Variable) } //nolint:forbidigo // it is the tests' own

// Ledger makes a new ledger in a schema of its own, and returns its URL and what removes it.
func Ledger(ctx context.Context) (place string, remove func() error, err error) {
	place, remove, err = Schema(ctx)
	if err != nil {
		return "", nil, err
	}
	_, _, _, err = postgres.Migrate(ctx, place)
	return place, remove, err
}

// Schema makes an empty schema, and returns the URL of a database that is it alone.
func Schema(ctx context.Context) (place string, remove func() error, err error) {
	schema := "t_" + strings.ToLower(rand.Text()[:16])
	if err := Exec(ctx, Server(), "CREATE SCHEMA "+schema); err != nil {
		return "", nil, fmt.Errorf("%s: %w", Variable, err)
	}
	return With(Server(), "search_path", schema), func() error {
		return Exec(context.WithoutCancel(ctx), Server(), "DROP SCHEMA "+schema+" CASCADE")
	}, nil
}

// Exec runs statements on a connection of their own, outside of any ledger.
func Exec(ctx context.Context, place, text string) error {
	pg, err := pgconn.Connect(ctx, place)
	if err != nil {
		return err
	}
	_, err = pg.Exec(ctx, text).ReadAll()
	return errors.Join(err, pg.Close(context.WithoutCancel(ctx)))
}

// With returns a URL with a parameter.
func With(place, name, value string) string {
	u, err := url.Parse(place)
	if err != nil {
		return place
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// Param returns a parameter of a URL.
func Param(place, name string) string {
	u, err := url.Parse(place)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}

// As returns a URL with another user.
func As(place, user, password string) string {
	u, err := url.Parse(place)
	if err != nil {
		return place
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

// Number asks for one number, outside of any ledger.
func Number(ctx context.Context, place, query string) (int, error) {
	pg, err := pgconn.Connect(ctx, place)
	if err != nil {
		return 0, err
	}
	defer func() { _ = pg.Close(context.WithoutCancel(ctx)) }()
	got, err := pg.Exec(ctx, query).ReadAll()
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(got[0].Rows[0][0]))
}
