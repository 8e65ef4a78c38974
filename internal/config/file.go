package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/payctl/payctl/internal/payment"
)

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 20

// entry is one value in a file: a string or, for lists, a []string.
type entry struct {
	value any
	line  int
	// trusted says that it counts because the project file was trusted.
	trusted bool
}

// document is a file's content, checked against the table of settings. Values
// are as written; their form is checked when the winner is known.
type document struct {
	path string
	// digest is that of the file's bytes, in hexadecimal.
	digest string
	// profile is the name that the file chooses, if it does.
	profile entry
	// shared are the settings at the top, for every profile but local.
	shared map[string]entry
	// profiles are the settings under profiles.NAME, and defined their lines.
	profiles map[string]map[string]entry
	defined  map[string]int
}

// parse reads a file's bytes. Errors are KindUsage, name the line, and never
// repeat a value: it may be a secret.
func parse(path string, data []byte) (*document, error) {
	sum := sha256.Sum256(data)
	d := &document{
		path: path, digest: hex.EncodeToString(sum[:]), shared: map[string]entry{},
		profiles: map[string]map[string]entry{}, defined: map[string]int{},
	}
	root, err := parseYAML(path, data)
	if err != nil || root == nil {
		return d, err
	}
	err = eachMember(path, root, func(name string, key, value *yaml.Node) error {
		switch name {
		case "profile":
			text, err := scalar(path, name, value)
			d.profile = entry{value: text, line: value.Line}
			return err
		case "profiles":
			return d.readProfiles(value)
		}
		return d.readSetting(d.shared, "", name, key, value)
	})
	return d, err
}

func parseYAML(path string, data []byte) (root *yaml.Node, err error) {
	// The YAML library answers some malformed input with a panic.
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, payment.Usage(path+": not valid YAML", "look for a line with wrong indentation")
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, badYAML(path, err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, payment.Usage(path+": more than one YAML document", "keep one document in the file")
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, nil
	}
	root = doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	return root, nil
}

// badYAML gives the library's complaint as file:line, without what it quotes.
func badYAML(path string, err error) error {
	text := strings.TrimPrefix(payment.FirstLine(err.Error()), "yaml: ")
	place := path
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if line, problem, ok := strings.Cut(rest, ": "); ok {
			place, text = path+":"+line, problem
		}
	}
	return payment.Usage(place+": not valid YAML: "+withoutValues(text), "look for wrong indentation or a missing quote there")
}

// withoutValues hides what a text of the YAML library quotes: "*word" where a
// value belongs is an alias to it, and is quoted. What holds no letter and no
// digit, or stands in angle brackets, is a piece of the grammar. All from the first
// quote to the last is hidden at once: a value may have quotes in it.
func withoutValues(text string) string {
	const quotes = "'\"`"
	from, to := strings.IndexAny(text, quotes), strings.LastIndexAny(text, quotes)
	if from < 0 {
		return text
	}
	quoted := text[from : to+1]
	if isGrammar(quoted) {
		return text
	}
	if from == to {
		return text[:from] + "'…"
	}
	return text[:from] + "'…'" + text[to+1:]
}

// isGrammar tells what the library quotes of the language itself: "',' or ']'". The
// pattern is made here, since no run needs it but one that fails.
func isGrammar(quoted string) bool {
	return regexp.MustCompile(`^'(<[a-z ]+>|[^A-Za-z0-9'\x60"]{1,2})'( or '(<[a-z ]+>|[^A-Za-z0-9'\x60"]{1,2})')?$`).MatchString(quoted)
}

// eachMember calls f for each member of a mapping, checking what holds for all.
func eachMember(path string, node *yaml.Node, f func(name string, key, value *yaml.Node) error) error {
	if node.Kind != yaml.MappingNode {
		return at(path, node, "expected settings as \"key: value\"")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return at(path, key, "a key must be a plain word")
		}
		if value.Kind == yaml.AliasNode || value.Anchor != "" {
			return at(path, value, "anchors and aliases are not supported; write the value out")
		}
		if seen[key.Value] {
			return at(path, key, secondTime(key.Value))
		}
		seen[key.Value] = true
		if err := f(key.Value, key, value); err != nil {
			return err
		}
	}
	return nil
}

func secondTime(key string) string { return "the key " + quote(key) + " stands here a second time" }

func (d *document) readProfiles(node *yaml.Node) error {
	if isNull(node) {
		return nil
	}
	return eachMember(d.path, node, func(name string, key, value *yaml.Node) error {
		if err := checkProfileName(name); err != nil {
			return at(d.path, key, "profile "+quote(keyPart(name))+": not a name; use up to 32 of a-z, 0-9, - and _, beginning with a letter or digit")
		}
		into := map[string]entry{}
		d.profiles[name], d.defined[name] = into, key.Line
		if isNull(value) {
			return nil
		}
		return eachMember(d.path, value, func(member string, key, value *yaml.Node) error {
			return d.readSetting(into, "profiles."+name+".", member, key, value)
		})
	})
}

// readSetting reads a value, or a section of values one level down. under is
// what the key stands under, for messages.
func (d *document) readSetting(into map[string]entry, under, name string, key, value *yaml.Node) error {
	if isSection(name) {
		if isNull(value) {
			return nil
		}
		return eachMember(d.path, value, func(member string, key, value *yaml.Node) error {
			return d.readValue(into, under, name+"."+member, key, value)
		})
	}
	return d.readValue(into, under, name, key, value)
}

func (d *document) readValue(into map[string]entry, under, name string, key, value *yaml.Node) error {
	s, form, ok := find(name)
	switch {
	case !ok:
		return at(d.path, key, unknownKey(under, name, value))
	case s.bound && under == "":
		return at(d.path, key, quote(name)+" belongs to one environment; move it under profiles.NAME")
	case into[name].value != nil:
		// Once as "section.key" and once below its section: neither mapping has it twice.
		return at(d.path, key, secondTime(under+name))
	case isNull(value):
		return nil
	}
	if isList(s, form) && value.Kind == yaml.SequenceNode {
		items := make([]string, 0, len(value.Content))
		for _, item := range value.Content {
			text, err := scalar(d.path, under+name, item)
			if err != nil {
				return err
			}
			items = append(items, text)
		}
		into[name] = entry{value: items, line: key.Line}
		return nil
	}
	text, err := scalar(d.path, under+name, value)
	if err != nil {
		return err
	}
	if text != "" {
		into[name] = entry{value: text, line: key.Line}
	}
	return nil
}

// unknownKey says that a key is not known. What was to be a value may have
// slipped into it, so no more of it is shown than can be the key.
func unknownKey(under, name string, value *yaml.Node) string {
	shown := keyPart(name)
	near := didYouMean(name, knownKeys(under == ""))
	_, _, known := find(strings.TrimRight(shown, ":…"))
	switch {
	case shown == name && near == "" && value.Kind == yaml.ScalarNode && value.Value == "":
		section, _, nested := strings.Cut(name, ".")
		if nested {
			under += section + "."
		}
		return "unknown key " + quote(under+"…") + ", which has no value; a value with a comma in it must stand in quotes"
	case strings.HasSuffix(shown, ":…"):
		return "unknown key " + quote(under+shown) + "; write a space after the colon"
	case shown != name && known:
		return "unknown key " + quote(under+shown) + "; write it as \"" + strings.TrimSuffix(shown[strings.LastIndexByte(shown, '.')+1:], "…") + ": value\""
	case shown != name:
		return "unknown key " + quote(under+shown)
	}
	return "unknown key " + quote(under+name) + near
}

// keyPart is what of a key may be shown: as far as its characters are those of
// keys, with the colon that ends them, and no longer than a key is.
func keyPart(key string) string {
	const most = 40
	end := strings.IndexFunc(key, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	})
	switch {
	case end < 0 && len(key) <= most:
		return key
	case end < 0 || end > most:
		return key[:most] + "…"
	case key[end] == ':':
		return key[:end] + ":…"
	}
	return key[:end] + "…"
}

// knownKeys are the keys that could have been meant.
func knownKeys(top bool) []string {
	var keys []string
	if top {
		keys = append(keys, "profile", "profiles")
	}
	for _, s := range settings {
		keys = append(keys, s.forms()...)
		if section, _, ok := strings.Cut(s.key, "."); ok && !contains(keys, section) {
			keys = append(keys, section)
		}
	}
	return keys
}

// scalar returns a value's characters as written, so that a shortcode keeps its zeros.
func scalar(path, name string, node *yaml.Node) (string, error) {
	switch {
	case node.Kind != yaml.ScalarNode || node.Anchor != "":
		return "", at(path, node, quote(name)+" takes a single value")
	case strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!"), node.Tag == "!!binary":
		return "", at(path, node, quote(name)+" has a YAML tag, which is not supported")
	case isNull(node):
		return "", nil
	}
	return node.Value, nil
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

func at(path string, node *yaml.Node, problem string) error {
	return payment.Usage(fmt.Sprintf("%s:%d: %s", path, node.Line, problem), "see \"payctl config explain KEY\" for where settings come from")
}

// checkProfileName holds names to what is safe in file names and variables.
func checkProfileName(name string) error {
	good := name != "" && len(name) <= 32 && name[0] != '-' && name[0] != '_'
	for i := range len(name) {
		c := name[i]
		good = good && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	if !good {
		return payment.Usage("profile "+quote(name)+": not a name", "use up to 32 of a-z, 0-9, - and _, beginning with a letter or digit")
	}
	return nil
}
