//go:build !windows

package config

// modesMatter reports whether a file's mode says who can read it.
func modesMatter() bool { return true }
