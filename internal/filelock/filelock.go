// Package filelock is the door to locks that processes hold on files. It leaves how long to
// wait for one to its users.
package filelock

import (
	"errors"
	"io/fs"
	"os"

	"github.com/gofrs/flock"

	"github.com/payctl/payctl/internal/trustfile"
)

// Lock is a lock on a file.
type Lock = flock.Flock

// At returns the lock file at path, which is made (0600) when it is first taken; what names
// its purpose in errors. A link there could have a file made, or another lock held, wherever
// it leads: that, and whatever else trustfile.CheckInside refuses, is KindUsage.
func At(what, path string) (*Lock, error) {
	if err := trustfile.CheckInside(what, path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return flock.New(path, flock.SetPermissions(0o600), flock.SetFlag(os.O_CREATE|os.O_RDONLY|noFollow)), nil
}
