package listen

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// parentEvery is how often the parent is looked for.
const parentEvery = time.Second

// WatchParent calls gone once the program that started this one has ended, or has
// closed a pipe that is this one's stdin. A stdin that is a file or /dev/null says
// nothing. It returns then, or when ctx ends.
func WatchParent(ctx context.Context, stdin io.Reader, parent func() int, gone context.CancelFunc) {
	if file, isFile := stdin.(*os.File); isFile && isPipe(file) {
		go func() { // left behind with the process when stdin stays open
			var skip [512]byte
			for {
				if _, err := file.Read(skip[:]); errors.Is(err, io.EOF) || err != nil {
					gone()
					return
				}
			}
		}()
	}
	first := parent()
	ticker := time.NewTicker(parentEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if parent() != first {
				gone()
				return
			}
		}
	}
}

// isPipe reports whether a file ends when a program at its other end does.
func isPipe(file *os.File) bool {
	info, err := file.Stat()
	if err != nil {
		return false
	}
	tty := term.IsTerminal(int(file.Fd()))
	return tty || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0
}
