//go:build unix

package doctor

import "golang.org/x/sys/unix"

// modesCount reports whether a file's mode says who may read it.
const modesCount = true

// free returns the bytes that are left for this user where path is.
func free(path string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:unconvert // the types differ among systems
}
