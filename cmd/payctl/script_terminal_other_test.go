//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

// cmdTerminal is for Linux: scripts ask for [linux] first.
func cmdTerminal(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("terminal: on Linux alone")
}
