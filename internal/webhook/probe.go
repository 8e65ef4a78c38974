package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// probeDelay is how long the output of a probe is waited for once it has ended.
const probeDelay = time.Second

// ProbeCommand runs the operator's shell command in a directory, with the facts of a
// payment added to the environment, and reads a count of credits from what it prints.
type ProbeCommand struct {
	Command, Dir string
	Environ      []string
}

// Credits runs the command; it implements Hammer.Probe.
func (p ProbeCommand) Credits(ctx context.Context, f payment.Facts) (int, error) {
	shell, flag := "sh", "-c"
	if runtime.GOOS == "windows" {
		shell, flag = "cmd", "/C"
	}
	cmd := exec.CommandContext(ctx, shell, flag, p.Command) //nolint:gosec // the operator's own command
	cmd.Dir = p.Dir
	cmd.Env = append(append([]string{}, p.Environ...),
		"PROBE_CHECKOUT_ID="+f.CheckoutRequestID, "PROBE_DEPOSIT_ID="+f.ResourceID, "PROBE_RECEIPT="+f.Receipt,
		"PROBE_REFERENCE="+f.Reference, "PROBE_AMOUNT="+f.Amount.String())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	endAll(cmd)
	cmd.WaitDelay = probeDelay
	out, err := cmd.Output()
	if ended := ctx.Err(); ended != nil {
		return 0, ended
	}
	// What the probe left running may hold its output open after it has ended well.
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return 0, fmt.Errorf("%w: %s", err, payment.FirstLine(strings.TrimSpace(stderr.String())))
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		return 0, fmt.Errorf("it printed %q, not a count", payment.FirstLine(string(out)))
	}
	return n, nil
}
