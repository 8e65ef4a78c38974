// Package npmtest installs npm packages for tests that hold our own code to what
// others run. Only tests import it.
package npmtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// installing lets one test install; the others find what it did.
var installing sync.Mutex //nolint:gochecknoglobals // tests of one process share the user's cache

// Modules returns a folder node_modules with packages, each given as name@version.
// They stay in the user's cache for later runs. Without Node, npm or a registry, and
// in short mode, the test is skipped, and says so.
func Modules(t testing.TB, packages ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED in short mode: the tests against " + strings.Join(packages, ", "))
	}
	installing.Lock()
	defer installing.Unlock()
	dir, err := install(packages)
	if err != nil {
		t.Skipf("SKIPPED, NOT TESTED against %s: %v", strings.Join(packages, ", "), err)
	}
	return dir
}

func install(packages []string) (string, error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", err
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	parent := filepath.Join(cache, "payctl-test")
	home := filepath.Join(parent, strings.ReplaceAll(strings.Join(packages, "+"), "@", "-"))
	modules := filepath.Join(home, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	if err := os.MkdirAll(parent, 0o750); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(parent, "install-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	args := append([]string{"install", "--prefix", fresh, "--no-audit", "--no-fund", "--ignore-scripts"}, packages...)
	cmd := exec.CommandContext(ctx, "npm", args...) //nolint:gosec // the tests name the packages
	cmd.WaitDelay = 10 * time.Second                // for children that hold its output
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install: %w: %s", err, out)
	}
	// Another process may have been faster; then its installation is as good.
	if err := os.Rename(fresh, home); err != nil {
		if _, statErr := os.Stat(modules); statErr != nil {
			return "", err
		}
	}
	return modules, nil
}
