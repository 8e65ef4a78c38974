//go:build !unix

package atomicfile

// SyncDir does nothing: directories cannot be flushed here, and file creation
// is journalled by the file system.
func SyncDir(string) error { return nil }
