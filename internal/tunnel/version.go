package tunnel

import (
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// Version returns what version of a program is installed: "" where it does not say, false
// where there is no such program on PATH.
func Version(ctx context.Context, name string) (version string, installed bool) {
	if (Program{Name: name}).installed() != nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, "--version")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return "", true
	}
	return regexp.MustCompile(`\d+\.\d+(\.\d+)?`).FindString(string(out[:min(len(out), 4096)])), true
}

// Outdated says why a version will be refused by its service, "" where nothing speaks for
// that. cloudflared counts by year and month and is served for a year; an ngrok before 3
// is not served.
func Outdated(name, version string, now time.Time) string {
	parts := regexp.MustCompile(`^(\d+)\.(\d+)`).FindStringSubmatch(version)
	if parts == nil {
		return ""
	}
	major, errMajor := strconv.Atoi(parts[1])
	minor, errMinor := strconv.Atoi(parts[2])
	switch {
	case errMajor != nil || errMinor != nil:
		return ""
	case name == Cloudflared && major > 2000 && (now.Year()-major)*12+int(now.Month())-minor > 12:
		return "is older than a year: its service may refuse it"
	case name == Ngrok && major < 3:
		return "is too old for its service"
	}
	return ""
}
