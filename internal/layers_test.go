// Package internal holds one test: who may import whom, as data.
package internal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/payctl/payctl/"

// allowed lists what each package of ours may import of ours, beside the ground.
// A package that is missing here fails the test: drawing its wall is part of
// adding it.
func allowed() map[string][]string {
	return map[string][]string{
		"cmd/payctl":     {"internal/cli"},
		"cmd/benchtable": {},
		"cmd/manpages":   {"internal/cli"},

		"internal/cli": {
			"internal/apiclient", "internal/budget", "internal/config", "internal/daraja", "internal/deliver", "internal/demo", "internal/deposit", "internal/emulator", "internal/emulator/remote",
			"internal/doctor", "internal/filter", "internal/input", "internal/inquiry", "internal/listen", "internal/provider", "internal/replay", "internal/serve", "internal/setup", "internal/sevi", "internal/store", "internal/tunnel", "internal/ui", "internal/view",
			"internal/presence", "internal/wasaapay", "internal/watch", "internal/webhook",
			"internal/page", "internal/reconcile", "internal/reconcile/statement", "internal/stats", "internal/trace", "internal/web",
		},
		"internal/web": {
			"internal/deliver", "internal/deposit", "internal/emulator", "internal/page", "internal/presence", "internal/provider", "internal/replay",
			"internal/stats", "internal/store", "internal/trace", "internal/ui", "internal/view",
		},

		"internal/setup": {"internal/config", "internal/provider"},
		"internal/demo":  {"internal/ui", "internal/view"},

		"internal/deposit": {},
		"internal/inquiry": {"internal/daraja", "internal/store"},
		"internal/watch":   {"internal/store"},
		"internal/listen":  {"internal/deliver", "internal/presence", "internal/serve", "internal/store"},
		"internal/replay":  {"internal/provider", "internal/deliver", "internal/filelock", "internal/store"},
		"internal/webhook": {"internal/config", "internal/deliver", "internal/input", "internal/provider", "internal/store", "internal/wasaapay"},
		"internal/view": {
			"internal/deliver", "internal/deposit", "internal/inquiry", "internal/listen", "internal/replay", "internal/store", "internal/ui", "internal/webhook",
			"internal/page", "internal/reconcile", "internal/reconcile/statement", "internal/stats", "internal/trace",
			"internal/config", "internal/daraja", "internal/emulator", "internal/tunnel",
		},
		"internal/reconcile":           {"internal/reconcile/statement", "internal/store"},
		"internal/reconcile/statement": {},
		"internal/stats":               {"internal/store"},
		"internal/trace":               {"internal/store"},
		"internal/page":                {},
		"internal/filter":              {"internal/listen", "internal/store", "internal/view"},

		"internal/provider":                    {"internal/apiclient", "internal/config", "internal/daraja", "internal/sevi", "internal/wasaapay"},
		"internal/config":                      {},
		"internal/store":                       {"internal/store/postgres", "internal/store/sqlite"},
		"internal/store/postgres":              {},
		"internal/store/postgres/postgrestest": {"internal/store/postgres"},
		"internal/store/sqlite":                {},
		"internal/emulator": {
			"internal/emulator/daraja", "internal/emulator/engine", "internal/emulator/front", "internal/emulator/mpesa",
			"internal/emulator/portal", "internal/emulator/wasaapay",
		},
		"internal/emulator/engine":       {},
		"internal/emulator/mpesa":        {"internal/emulator/engine"},
		"internal/emulator/portal":       {"internal/emulator/engine", "internal/emulator/mpesa"},
		"internal/emulator/daraja":       {"internal/emulator/engine", "internal/emulator/mpesa"},
		"internal/emulator/wasaapay":     {"internal/emulator/engine", "internal/emulator/mpesa", "internal/socketio"},
		"internal/emulator/front":        {},
		"internal/emulator/remote":       {"internal/emulator"},
		"internal/emulator/emulatortest": {"internal/emulator"},
		"internal/ui":                    {},

		"internal/daraja":   {"internal/apiclient", "internal/filelock"},
		"internal/wasaapay": {"internal/apiclient", "internal/socketio"},
		"internal/sevi":     {},

		"internal/apiclient": {},
		"internal/budget":    {"internal/filelock"},
		"internal/filelock":  {},
		"internal/deliver":   {},
		"internal/socketio":  {},
		"internal/tunnel":    {"internal/filelock"},
		"internal/presence":  {},
		"internal/serve":     {},
		"internal/input":     {},

		"internal/doctor": {"internal/config", "internal/presence", "internal/provider", "internal/store", "internal/tunnel"},

		"internal/payment":    {},
		"internal/secret":     {},
		"internal/timing":     {},
		"internal/loopback":   {},
		"internal/atomicfile": {},
		"internal/trustfile":  {"internal/payment"},
		"internal/spell":      {},
		"internal/packing":    {},
		// Only tests import it.
		"internal/npmtest": {},
	}
}

// ground lists what every package may import: what words mean. The ground itself
// imports only what its rows say.
func ground() []string {
	return []string{
		"internal/payment", "internal/secret", "internal/timing", "internal/loopback",
		"internal/atomicfile", "internal/trustfile", "internal/spell", "internal/packing",
	}
}

// doors lists the outside modules that only some packages may import.
func doors() map[string][]string {
	return map[string][]string{
		"github.com/spf13/viper":            {"internal/config"},
		"github.com/spf13/cobra":            {"internal/cli", "cmd/manpages"},
		"github.com/charmbracelet/lipgloss": {"internal/ui"},
		"github.com/briandowns/spinner":     {"internal/ui"},
		"github.com/gofrs/flock":            {"internal/filelock"},
		"modernc.org/sqlite":                {"internal/store/sqlite"},
		"github.com/jackc/pgx":              {"internal/store/postgres", "internal/store/postgres/postgrestest"},
		"github.com/coder/websocket":        {"internal/socketio"},
	}
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func TestLayers(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if name == "internal" {
			continue
		}
		may, known := allowed()[name]
		if !slices.Contains(ground(), name) {
			may = append(may, ground()...)
		}
		if !known {
			t.Errorf("%s has no row in the layers table", name)
			continue
		}
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(may, ours) {
				t.Errorf("%s imports %s, which its layer may not", name, ours)
			}
			for door, keepers := range doors() {
				if (imported == door || strings.HasPrefix(imported, door+"/")) && !slices.Contains(keepers, name) {
					t.Errorf("%s imports %s; only %v may", name, imported, keepers)
				}
			}
			if slices.Contains(ground(), name) && !strings.HasPrefix(imported, module) && strings.Contains(strings.Split(imported, "/")[0], ".") {
				t.Errorf("%s imports %s; the ground is standard library only", name, imported)
			}
		}
	}
}

func list(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
