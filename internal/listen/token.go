package listen

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/trustfile"
)

// TokenFile is where the token of a ledger file's installation is kept.
func TokenFile(ledger string) string { return ledger + ".token" }

// InstallToken reads the token of the secret path from a file, or makes it on first use.
// Errors are KindUsage.
func InstallToken(path string) (string, error) {
	token, err := ReadToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", tokenUnwritable(path)
	}
	token = payment.NewToken()
	err = atomicfile.Create(path, []byte(token+"\n"))
	switch {
	case errors.Is(err, fs.ErrExist): // somebody else was faster
		return ReadToken(path)
	case err != nil:
		return "", tokenUnwritable(path)
	}
	return token, nil
}

func tokenUnwritable(path string) error {
	return payment.Usagef("choose a directory that can be written with --db", "the token file %s cannot be written", path)
}

// maxTokenFile bounds the token file, in bytes.
const maxTokenFile = 4 << 10

// ReadToken returns fs.ErrNotExist where there is no file, else KindUsage.
func ReadToken(path string) (string, error) {
	data, err := trustfile.ReadFile("token file", path, maxTokenFile)
	switch {
	case errors.Is(err, fs.ErrNotExist), payment.KindOf(err) == payment.KindUsage:
		return "", err
	case err != nil:
		return "", payment.Usagef("check its permissions", "the token file %s cannot be read", path)
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return "", payment.Usagef("remove it; the next start makes a new one", "the token file %s is empty", path)
	}
	if err := CheckToken(token); err != nil {
		return "", payment.Usagef("put the token back, or remove the file; the next start makes a new one, and other callback URLs with it",
			"the token file %s: %v", path, err)
	}
	return token, nil
}

// SharedToken returns the token that all listeners of a shared ledger have. This machine
// keeps it too, for a start without the server; warn says when it cannot.
func SharedToken(ctx context.Context, ledger *store.Store, warn func(format string, args ...any)) (string, error) {
	path := ledger.Beside("token")
	kept, err := ReadToken(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if ledger.Away() && kept != "" {
		return kept, nil
	}
	fresh := kept
	if fresh == "" {
		fresh = payment.NewToken()
	}
	token, err := ledger.InstallToken(ctx, fresh)
	switch {
	case err != nil:
		return "", err
	case token == "":
		return "", payment.Usage("the ledger has no token for the secret path yet", "start once as a user who may write")
	case token != kept:
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = atomicfile.Write(path, []byte(token+"\n"))
		}
		if err != nil {
			warn("the token could not be kept at %s; without it this listener cannot start while the database is away", path)
		}
	}
	return token, nil
}
