package cli

import (
	"errors"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trustfile"
)

// maxSecret bounds a file with a secret, an authority's certificate or headers, in bytes.
const maxSecret = 1 << 20

// readTrusted reads a file that was named and that decides over money or secrets: from this
// user or root alone. Errors are KindUsage.
func readTrusted(what, path string, limit int64) ([]byte, error) {
	file, err := trustfile.Open(what, path)
	var refused *payment.Error
	switch {
	case errors.As(err, &refused):
		return nil, refused
	case err != nil:
		return nil, usagef("check the name and the permissions", "%s %s: cannot be read", what, payment.Line(path, 200))
	}
	defer func() { _ = file.Close() }()
	return readAll(file, limit, path)
}
