//go:build unix

package trustfile

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"github.com/payctl/payctl/internal/payment"
)

const root = 0

// owner returns the user and the group that a file belongs to.
func owner(info fs.FileInfo) (uid, gid int, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(stat.Uid), int(stat.Gid), true
}

func checkLink(what, path string, info fs.FileInfo) error {
	if uid, _, known := owner(info); !known || uid == os.Geteuid() || uid == root {
		return nil
	}
	return payment.Usage(fmt.Sprintf("%s: %s is a symbolic link that another user made", what, path),
		"name the file that is meant, or remove the link: "+payment.CommandLine("rm", path))
}

// checkInfo judges a file, directory, pipe or device, not a link.
func checkInfo(what, path string, info fs.FileInfo) error {
	uid, gid, known := owner(info)
	if !known {
		return nil
	}
	me, mode := os.Geteuid(), info.Mode()
	isDevice := mode&fs.ModeDevice != 0 // a terminal belongs to whoever logged in, /dev/null to all
	switch {
	case isDevice:
		return nil
	case uid != me && uid != root:
		hint := "if what it holds is yours, run: " + payment.CommandLine("chown", strconv.Itoa(me), path) + "; else name another file"
		if me == root {
			hint = fmt.Sprintf("run payctl as that user (sudo -u '#%d' payctl …); or, ", uid) + hint
		}
		return payment.Usage(fmt.Sprintf("%s: %s belongs to another user (uid %d)", what, path, uid), hint)
	case mode.Perm()&0o002 != 0, mode.Perm()&0o020 != 0 && !ownGroup(me, gid):
		return payment.Usage(fmt.Sprintf("%s: other users can change %s (mode %04o)", what, path, mode.Perm()),
			"look at what it holds, then run: "+payment.CommandLine("chmod", "go-w", path))
	}
	return nil
}

// ownGroup reports whether a group is the one that a user has to itself, as most
// Linux systems make it: files are then writable for the group by default, and
// nobody else is in it.
func ownGroup(uid, gid int) bool { return uid != root && gid == uid && gid == os.Getegid() }
