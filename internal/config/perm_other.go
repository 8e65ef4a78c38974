//go:build !windows

package config

// modesMatter tells whether a file's mode says who can read it.
func modesMatter() bool { return true }
