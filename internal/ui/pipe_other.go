//go:build !windows

package ui

import (
	"errors"
	"io"
	"syscall"
)

// isBrokenPipe tells that nobody reads any more.
func isBrokenPipe(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}
