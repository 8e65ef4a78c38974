package listen

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestThreatsNameTheirTests: every row of the table in doc.go names tests that exist: in the
// packages in brackets behind them, else here.
func TestThreatsNameTheirTests(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^//\t(.{39,}?) +((?:Test|Fuzz|trust_).*)$`)
	rows := row.FindAllStringSubmatch(string(doc), -1)
	if want := strings.Count(string(doc), "\n//\t"); len(rows) != want || want < 20 {
		t.Fatalf("%d of %d rows are read", len(rows), want)
	}
	test := regexp.MustCompile(`(\w+)(?: \(([\w, ]+)\))?`)
	for _, r := range rows {
		named := test.FindAllStringSubmatch(r[2], -1)
		slices.Reverse(named)
		var next []string // the packages that stand behind the names to the right
		for _, n := range named {
			if n[2] != "" {
				next = strings.Split(n[2], ", ")
			}
			found := func(place string) bool { return exists(t, n[1], place) }
			if n[2] != "" && !slices.ContainsFunc(next, func(place string) bool { return !found(place) }) {
				continue
			}
			if n[2] != "" || !found("listen") && !slices.ContainsFunc(next, found) {
				t.Errorf("%s: there is no %s", strings.TrimSpace(r[1]), n[0])
			}
		}
	}
}

// exists reports whether a script, or a test of a package, is there.
func exists(t *testing.T, name, place string) bool {
	t.Helper()
	top := filepath.Join("..", "..")
	if strings.HasPrefix(name, "trust_") {
		_, err := os.Stat(filepath.Join(top, "testdata", "script", name+".txtar"))
		return err == nil
	}
	dir := filepath.Join("..", place)
	if place == "payctl" {
		dir = filepath.Join(top, "cmd", place)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
