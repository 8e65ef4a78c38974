package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/payctl/payctl/internal/emulator"
)

// TestEveryBehaviourHasAScript holds the scripts against the emulator's own
// table: a switch without a script that shows payctl's outcome under it is a
// promise that nobody keeps.
func TestEveryBehaviourHasAScript(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob(filepath.Join("..", "..", "testdata", "script", "*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	used := map[string]bool{}
	given := regexp.MustCompile(`--(?:set|behaviour)[ =]([a-z0-9-]+)`)
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range given.FindAllSubmatch(text, -1) {
			used[string(m[1])] = true
		}
	}
	// payctl has no verb that reads WasaaPay's lists, makes transfers, or pays businesses.
	notOurs := map[string]bool{"list-wrapped": true, "transfer-fails": true, "b2b-portal-shape": true}
	for _, b := range emulator.Behaviours() {
		if !used[b.Name] && !notOurs[b.Name] {
			t.Errorf("behaviour %s (%s): no script sets it", b.Name, b.Section)
		}
	}
}
