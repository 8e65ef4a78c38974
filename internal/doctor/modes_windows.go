package doctor

import "golang.org/x/sys/windows"

// modesCount reports whether a file's mode says who may read it.
const modesCount = false

// free returns the bytes that are left for this user where path is.
func free(path string) (int64, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	var left uint64
	if err := windows.GetDiskFreeSpaceEx(name, &left, nil, nil); err != nil {
		return 0, err
	}
	return int64(left), nil
}
