package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// hintsOf collects the texts of the program that name a command, without help's examples.
func hintsOf(t *testing.T, paths []string) []string {
	t.Helper()
	var hints []string
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			_, after, found := strings.Cut(text, "payctl ")
			if err == nil && found && !strings.Contains(text, "\n") && !strings.HasPrefix(text, "  ") && pathOf(after, paths) != "" {
				hints = append(hints, text)
			}
			return true
		})
		return nil
	})
	if err != nil || len(hints) < 80 {
		t.Fatal(len(hints), err)
	}
	return hints
}

// No hint of the program sends the one who reads it back to the verb that printed it,
// whichever that is; each names the settings and the ledger that this verb was given.
func TestHintsLeadOn(t *testing.T) {
	t.Parallel()
	e := newEnv(Invocation{})
	paths := e.paths()
	hints := hintsOf(t, paths)
	for _, verb := range paths {
		if isThing(verb) || isBare(verb) && onward()[verb] == "" {
			continue
		}
		e.verb, e.global = verb, globals{profile: "shop", configFile: "my settings.yaml", db: "books.db"}
		for _, hint := range hints {
			got := e.lead(hint)
			for rest := got; ; {
				_, after, found := strings.Cut(rest, "payctl ")
				if !found {
					break
				}
				rest = after
				path := pathOf(after, paths)
				said := mention(strings.TrimPrefix(after, path))
				if path == verb && !strings.Contains(strings.Replace(said, " --profile shop --config 'my settings.yaml' --db books.db", "", 1), " -") {
					t.Errorf("%s: hint %q points to the verb itself", verb, got)
				}
				if path == "" || isBare(path) || isThing(path) || strings.Contains(said, "--help") {
					continue
				}
				for _, flag := range []string{"--profile ", "--config ", "--db "} {
					if strings.Count(said, flag) != 1 {
						t.Errorf("%s: hint %q has %q %d times, want once", verb, got, flag, strings.Count(said, flag))
					}
				}
			}
		}
	}
	for from, to := range onward() {
		to = strings.TrimSuffix(to, " ID")
		if first, _, _ := strings.Cut(to, " "); !slices.Contains(paths, from) || first != "help" && !slices.Contains(paths, to) {
			t.Errorf("onward: %q to %q: one of them is no command", from, to)
		}
	}
}

func TestLead(t *testing.T) {
	t.Parallel()
	e := newEnv(Invocation{})
	for _, tc := range []struct {
		verb, profile, db, hint, want string
	}{
		{"status get", "", "", "follow it with \"payctl status watch dep_1\"", "follow it with \"payctl status watch dep_1\""},
		{"status watch", "", "", "follow it with \"payctl status watch dep_1\"", "follow it with \"payctl status get dep_1\""},
		{"status watch", "shop", "", "look with payctl status watch dep_1; then wait", "look with payctl status get --profile shop dep_1; then wait"},
		{"webhook show", "", "", "see it with payctl webhook show dlv_1 once more", "see it with payctl webhook list once more"},
		{"webhook show", "", "", "show the stored bytes with payctl webhook show ID --raw", "show the stored bytes with payctl webhook show ID --raw"},
		{"webhook replay", "", "", "go on with: payctl webhook replay --resume run_1", "go on with: payctl webhook replay --resume run_1"},
		{"daraja balance", "", "", "ask again with \"payctl daraja balance\"", "ask again with \"payctl daraja balance\""},
		{"deposit get", "it's", "", "payctl deposit list", "payctl deposit list --profile 'it'\\''s'"},
		{"listen", "", "postgres://me:word@host/books", "payctl ledger info", "payctl ledger info"},
		{"listen", "", "postgres://host/books", "payctl ledger info", "payctl ledger info --db postgres://host/books"},
		{"listen", "shop", "", "payctl emulator, or payctl help output, or run \"payctl deposit list --help\"", "payctl emulator, or payctl help output, or run \"payctl deposit list --help\""},
		{"listen", "shop", "", "use the payctl that wrote it; bin/payctl deposit list", "use the payctl that wrote it; bin/payctl deposit list"},
		{"doctor", "shop", "", "the URL of \"payctl listen\": start \"payctl listen\" there", "the URL of \"payctl listen\": start \"payctl listen --profile shop\" there"},
		{"listen", "shop", "", "payctl listen --profile other", "payctl listen --profile other"},
	} {
		e.verb, e.global = tc.verb, globals{profile: tc.profile, db: tc.db}
		if got := e.lead(tc.hint); got != tc.want {
			t.Errorf("%s --profile %q: %q becomes %q, want %q", tc.verb, tc.profile, tc.hint, got, tc.want)
		}
	}
}
