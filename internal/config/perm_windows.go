//go:build windows

package config

// modesMatter is false: on Windows access is ruled by lists, not by the mode.
func modesMatter() bool { return false }
