package cli

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/config"
)

// Every variable of the table of settings stands in "help environment", on a line
// with what it is for.
func TestEnvironmentIsDocumented(t *testing.T) {
	t.Parallel()
	text := environmentHelp()
	for _, v := range config.Variables() {
		if v.Meaning == "" {
			t.Errorf("%s has no meaning", v.Name)
		}
		name := v.Name
		if v.Secret {
			name += "[_FILE]"
		}
		if !regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(name) + ` +` + regexp.QuoteMeta(v.Meaning)).MatchString(text) {
			t.Errorf("%s is not in \"help environment\" with its meaning", v.Name)
		}
		if !strings.Contains(text, v.Alias) {
			t.Errorf("%s is not in \"help environment\"", v.Alias)
		}
	}
	for line := range strings.Lines(text) {
		if utf8.RuneCountInString(strings.TrimRight(line, "\n")) > 100 {
			t.Errorf("wider than 100 columns: %q", line)
		}
	}
}

// What the code looks up beside the table stands there, too.
func TestLookedUpVariablesAreDocumented(t *testing.T) {
	t.Parallel()
	text := environmentHelp()
	for name := range lookedUp(t) {
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(text) {
			t.Errorf("the code reads %s, which is not in \"help environment\"", name)
		}
	}
}

// lookedUp are the names that functions called env, Env, getenv, xdg and the like
// are given.
func lookedUp(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !readsEnvironment(call.Fun) {
				return true
			}
			for _, arg := range call.Args {
				if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if name, err := strconv.Unquote(lit.Value); err == nil {
						names[name] = true
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, known := range []string{"NO_COLOR", "LISTEN_FDS", "NOTIFY_SOCKET", "XDG_DATA_HOME", "GOGC"} {
		if !names[known] {
			t.Errorf("%s was not found in the code: the search has gone blind", known)
		}
	}
	return names
}

func readsEnvironment(fun ast.Expr) bool {
	name := ""
	switch f := fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	switch strings.ToLower(name) {
	case "env", "getenv", "lookupenv", "xdg":
		return true
	}
	return false
}

// The text is made when it is asked for, and asked for in either way.
func TestEnvironmentTopicIsPrinted(t *testing.T) {
	t.Parallel()
	if topic := verbOf(tree(), "environment"); topic == nil || topic.Long != "" {
		t.Errorf("the topic's text is there before anybody asks for it: %+v", topic)
	}
	for _, args := range [][]string{{"help", "environment"}, {"environment"}, {"environment", "--help"}} {
		var stdout, stderr bytes.Buffer
		code := Main(t.Context(), Invocation{Args: args, Stdout: &stdout, Stderr: &stderr, Dir: t.TempDir()})
		if got := strings.TrimSpace(stdout.String()); code != 0 || got != strings.TrimSpace(fitted(environmentHelp())) || !strings.Contains(got, "PAYCTL_DARAJA_PASSKEY") {
			t.Errorf("%q: exit %d, stderr %s, stdout %s", args, code, &stderr, got)
		}
	}
}

// A signal is how a service ends, and no failure: "help exit-codes" and the
// services' own help say so (what they do is in testdata/script/signal_ends.txtar).
func TestServicesSayHowASignalEndsThem(t *testing.T) {
	t.Parallel()
	services := "A signal is how listen, emulator and emulator phone end"
	if !strings.Contains(exitCodesHelp, services) {
		t.Errorf("\"help exit-codes\" does not say %q", services)
	}
	for _, name := range []string{"listen", "emulator", "emulator phone"} {
		cmd, _, err := tree().Find(strings.Fields(name))
		if err != nil {
			t.Fatal(err)
		}
		if long := strings.Join(strings.Fields(cmd.Long), " "); !strings.Contains(long, "exits with 0") {
			t.Errorf("the help of %s does not say that a signal ends it with 0", name)
		}
	}
}
