package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zalando/go-keyring"
	"go.yaml.in/yaml/v3"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trustfile"
)

// NewValue is one setting of a profile that is to be written: a value, or for a
// secret one of its forms ("daraja.passkey_keyring").
type NewValue struct {
	Key, Value string
	// Missing writes the setting as a comment, for the operator to fill in.
	Missing bool
}

// NewProfile is a profile that is to be written.
type NewProfile struct {
	Name        string
	Environment payment.Environment
	Values      []NewValue
}

// AddProfile writes a profile into the user file, which is made with mode 0600 where
// there is none; what stands in it stays as it is. made reports whether it was made.
// A profile that is there already is KindConflict; what cannot be written, or would
// not be read back, is KindUsage.
func AddProfile(path string, p NewProfile) (made bool, err error) {
	after, made, err := p.in(path)
	if err != nil {
		return made, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return made, cannotWrite(path, err)
	}
	write := atomicfile.Write
	if made {
		write = atomicfile.Create
	}
	if err := write(path, after); err != nil {
		return made, cannotWrite(path, err)
	}
	return made, nil
}

// Check returns the error with which AddProfile would refuse the profile as it is.
func (p NewProfile) Check(path string) error {
	_, _, err := p.in(path)
	return err
}

// in returns the user file with the profile in it; made reports that there is none yet.
func (p NewProfile) in(path string) (after []byte, made bool, err error) {
	if err := p.check(); err != nil {
		return nil, false, err
	}
	before, err := trustfile.ReadFile("user file", path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		made = true
		before = []byte(fileHead)
	case err != nil:
		return nil, false, err
	}
	if after, err = insertProfile(path, before, p); err == nil {
		_, err = parse(path, after)
	}
	return after, made, err
}

func cannotWrite(path string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return &payment.Error{Kind: payment.KindConflict, Message: "user file " + path + ": somebody else has just made it", Hint: "run the command again"}
	}
	return payment.Usage("user file "+path+": cannot be written: "+rootOf(err).Error(), "check the directory and its permissions, or name another file with --config")
}

func rootOf(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

func (p NewProfile) check() error {
	if err := checkProfileName(p.Name); err != nil {
		return err
	}
	switch {
	case p.Name == string(payment.Local) || p.Environment == payment.Local:
		return payment.Usage("environment local: is payctl's own emulator and needs no configuration", "choose sandbox or production")
	case !isEnvironment(string(p.Environment)):
		return payment.Usage("environment "+quote(string(p.Environment))+": is none"+didYouMean(string(p.Environment), environments()), "choose sandbox or production")
	case isEnvironment(p.Name) && p.Name != string(p.Environment):
		return payment.Usage("profile "+quote(p.Name)+": is the name of another environment than "+string(p.Environment), "choose another name, such as shop-"+string(p.Environment))
	}
	for _, v := range p.Values {
		if _, _, ok := find(v.Key); !ok {
			return fmt.Errorf("config: no setting %q", v.Key)
		}
		if strings.ContainsAny(v.Value, "\x00\r\n") {
			return payment.Usage(v.Key+": has more than one line", "give the bare value")
		}
	}
	return nil
}

// fileHead opens a new user file.
const fileHead = `# Settings of payctl. Only you should be able to read this file (mode 0600).
# "payctl config explain KEY" says what a setting is for and which source won;
# "payctl help environment" lists the variables that stand above this file.

profiles:
`

// insertProfile puts the profile right below "profiles:", with the indentation that
// the file has there. The other bytes stay as they are.
func insertProfile(path string, data []byte, p NewProfile) ([]byte, error) {
	root, err := parseYAML(path, data)
	if err != nil {
		return nil, err
	}
	line, indent, err := placeFor(path, root, p.Name)
	if err != nil {
		return nil, err
	}
	if line == 0 {
		if len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
			data = append(data, '\n')
		}
		return append(append(data, "\nprofiles:\n"...), p.block(indent)...), nil
	}
	lines := strings.SplitAfter(string(data), "\n")
	if last := line - 1; !strings.HasSuffix(lines[last], "\n") {
		lines[last] += "\n"
	}
	return []byte(strings.Join(slices.Insert(lines, line, p.block(indent)), "")), nil
}

// placeFor returns the line of "profiles:", 0 where there is none, and the
// indentation of what stands below it.
func placeFor(path string, root *yaml.Node, name string) (line, indent int, err error) {
	if root == nil {
		return 0, 2, nil
	}
	if root.Kind != yaml.MappingNode {
		return 0, 0, at(path, root, "expected settings as \"key: value\"")
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if key.Value != "profiles" {
			continue
		}
		switch {
		case isNull(value):
			return key.Line, 2, nil
		case value.Kind != yaml.MappingNode || value.Style&yaml.FlowStyle != 0 || len(value.Content) == 0:
			return 0, 0, payment.Usage(path+":"+strconv.Itoa(key.Line)+": profiles stand on one line in braces, which payctl does not change", "write them one below the other, or add the new one by hand")
		}
		for j := 0; j < len(value.Content); j += 2 {
			if value.Content[j].Value == name {
				return 0, 0, &payment.Error{
					Kind: payment.KindConflict, Message: fmt.Sprintf("%s:%d: profile %s is there already; nothing was changed", path, value.Content[j].Line, quote(name)),
					Hint: "choose another --profile-name, or edit the file",
				}
			}
		}
		return key.Line, value.Content[0].Column - 1, nil
	}
	return 0, 2, nil
}

// block is the profile as it is written, each line below what says what it is.
func (p NewProfile) block(indent int) string {
	var b strings.Builder
	outer, inner := strings.Repeat(" ", indent), strings.Repeat(" ", indent+2)
	write := func(indent, what string, missing bool, key, value string) {
		fmt.Fprintf(&b, "%s# %s\n", indent, what)
		if missing {
			fmt.Fprintf(&b, "%s# %s:\n", indent, key)
			return
		}
		fmt.Fprintf(&b, "%s%s: %s\n", indent, key, quoted(value))
	}
	fmt.Fprintf(&b, "%s%s:\n", outer, p.Name)
	environment, _, _ := find("environment")
	write(inner, environment.what, false, "environment", string(p.Environment))
	for _, v := range p.Values {
		s, form, _ := find(v.Key)
		write(inner, s.what+formWords(form), v.Missing, v.Key, v.Value)
	}
	b.WriteString("\n")
	return b.String()
}

func formWords(form string) string {
	switch form {
	case byFile:
		return ": the file that holds it"
	case byCommand:
		return ": the command that prints it"
	case byKeyring:
		return ": its entry in the system's keyring"
	}
	return ""
}

// quoted is a value as YAML reads it back: plain words stay as they are.
func quoted(value string) string {
	plain := value != "" && value[0] >= 'a' && value[0] <= 'z' && strings.IndexFunc(value, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0 && !slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}, value)
	if plain {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", "''") + "'"
}

// ProfileInfo is a profile that --profile takes.
type ProfileInfo struct {
	Name        string
	Environment payment.Environment
	// Source is the file that defines it, "" for a built-in one.
	Source string
	Line   int
	// Chosen reports whether it is the one in force now.
	Chosen bool
	// Problem is what keeps it from being used, "" for nothing.
	Problem string
}

// ProfileList returns every profile of the files, and the built-in ones, each as it
// would load.
func (c *Config) ProfileList(load func(name string) (*Config, error)) []ProfileInfo {
	names := environments()
	for _, name := range sortedKeys(c.definedIn) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	out := make([]ProfileInfo, 0, len(names))
	for _, name := range names {
		info := ProfileInfo{Name: name, Chosen: name == c.Profile}
		if at, ok := c.definedIn[name]; ok {
			info.Source, info.Line = at.Name, at.Line
		}
		loaded, err := load(name)
		if err != nil {
			info.Problem = err.Error()
		} else {
			info.Environment = loaded.Environment
		}
		out = append(out, info)
	}
	return out
}

// keepTimeout bounds a keyring that does not answer.
const keepTimeout = 3 * time.Second

// KeepInKeyring puts a secret into the system's keyring under "service/account".
// Errors are KindUnavailable.
func KeepInKeyring(ctx context.Context, entry, value string) error {
	service, account, _ := strings.Cut(entry, "/")
	ctx, cancel := context.WithTimeout(ctx, keepTimeout)
	defer cancel()
	_, err := patiently(ctx, func() (struct{}, error) { return struct{}{}, keyring.Set(service, account, value) })
	if err == nil {
		return nil
	}
	return &payment.Error{
		Kind: payment.KindUnavailable, Err: err, Message: "keyring: " + quote(entry) + " cannot be kept there",
		Hint: "unlock the system's keyring, or use --keep-secrets file or environment",
	}
}
