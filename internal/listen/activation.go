package listen

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/payctl/payctl/internal/payment"
)

// maxActivated bounds the sockets taken from a service manager.
const maxActivated = 16

// activatedCount reads systemd's LISTEN_PID and LISTEN_FDS: how many sockets
// were handed to this very process, 0 when none.
func activatedCount(getenv func(string) string, pid int) (int, error) {
	if getenv("LISTEN_PID") != strconv.Itoa(pid) {
		return 0, nil
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > maxActivated {
		return 0, payment.Usage(fmt.Sprintf("LISTEN_FDS %q: not a number of sockets from 0 to %d", getenv("LISTEN_FDS"), maxActivated), "check the systemd socket unit")
	}
	return n, nil
}

// Notify tells a service manager something, such as "READY=1" or "STOPPING=1",
// through its NOTIFY_SOCKET; "" means that there is none and is no error.
func Notify(ctx context.Context, socket, state string) error {
	if socket == "" {
		return nil
	}
	if socket[0] == '@' { // an abstract socket
		socket = "\x00" + socket[1:]
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unixgram", socket)
	if err != nil {
		return fmt.Errorf("tell the service manager %s: %w", state, err)
	}
	_, err = conn.Write([]byte(state))
	if closed := conn.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("tell the service manager %s: %w", state, err)
	}
	return nil
}
