//go:build !unix

package replay

import (
	"errors"
	"net"
	"time"
)

// watchIdle is how long a connection rests before it is looked at: here a look
// takes a moment, and targets keep idle ones for seconds.
const watchIdle = time.Second

// watchEnd returns a function that tells whether a connection that awaits
// nothing is over: closed, broken, or with something to read, which can only be
// the target's word that it closes (408, say). One in steady use is not looked at.
func watchEnd(conn net.Conn) func() bool {
	looked := time.Now()
	return func() bool {
		rested := time.Since(looked) >= watchIdle
		looked = time.Now()
		if !rested {
			return false
		}
		if err := conn.SetReadDeadline(looked.Add(time.Millisecond)); err != nil {
			return true
		}
		_, err := conn.Read(make([]byte, 1))
		var failed net.Error
		return !errors.As(err, &failed) || !failed.Timeout()
	}
}
