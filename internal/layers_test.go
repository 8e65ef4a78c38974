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

// allowed lists what each package of ours may import of ours. A package that
// is missing here fails the test: drawing its wall is part of adding it.
func allowed() map[string][]string {
	return map[string][]string{
		"cmd/payctl": {"internal/cli"},

		"internal/deposit": {"internal/payment"},

		"internal/cli": {
			"internal/apiclient", "internal/webhook", "internal/config", "internal/daraja", "internal/deposit", "internal/emulator", "internal/listen",
			"internal/payment", "internal/provider", "internal/replay", "internal/secret",
			"internal/sevi", "internal/spell", "internal/store", "internal/trustfile", "internal/ui", "internal/wasaapay", "internal/watch",
		},

		"internal/provider": {
			"internal/apiclient", "internal/config", "internal/daraja", "internal/payment", "internal/secret",
			"internal/sevi", "internal/wasaapay",
		},
		"internal/config":                {"internal/payment", "internal/secret", "internal/spell", "internal/trustfile"},
		"internal/watch":                 {"internal/payment", "internal/store"},
		"internal/listen":                {"internal/payment", "internal/store", "internal/trustfile"},
		"internal/replay":                {"internal/payment", "internal/store"},
		"internal/webhook":               {"internal/daraja", "internal/payment", "internal/secret", "internal/sevi", "internal/wasaapay"},
		"internal/emulator":              {"internal/socketio", "internal/spell"},
		"internal/emulator/emulatortest": {"internal/emulator"},
		"internal/ui":                    {"internal/payment"},

		"internal/daraja":   {"internal/apiclient", "internal/payment", "internal/secret", "internal/trustfile"},
		"internal/wasaapay": {"internal/apiclient", "internal/payment", "internal/secret", "internal/socketio"},
		"internal/sevi":     {"internal/payment", "internal/secret"},
		"internal/store":    {"internal/payment", "internal/trustfile"},

		"internal/apiclient": {"internal/payment"},
		"internal/socketio":  {},
		"internal/tunnel":    {"internal/payment"},

		"internal/trustfile": {"internal/payment"},

		"internal/payment": {},
		"internal/secret":  {},
		"internal/spell":   {},
		// Only tests import it.
		"internal/npmtest": {},
	}
}

// doors lists the outside modules that only some packages may import.
func doors() map[string][]string {
	return map[string][]string{
		"github.com/spf13/viper":            {"internal/config"},
		"github.com/spf13/cobra":            {"internal/cli"},
		"github.com/charmbracelet/lipgloss": {"internal/ui"},
		"github.com/briandowns/spinner":     {"internal/ui"},
		"modernc.org/sqlite":                {"internal/store"},
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
			level0 := name == "internal/payment" || name == "internal/secret"
			if level0 && strings.Contains(strings.Split(imported, "/")[0], ".") {
				t.Errorf("%s imports %s; level 0 is standard library only", name, imported)
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
