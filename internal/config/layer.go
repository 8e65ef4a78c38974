package config

import (
	"fmt"
	"iter"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/viper"

	"github.com/payctl/payctl/internal/payment"
)

// layer is one source's settings. The layers are ordered, the strongest first.
type layer struct {
	// values is made with the first setting: most layers have none.
	values  *viper.Viper
	origins map[string]Origin
	// dir is what relative paths in it count from.
	dir string
}

func newLayer(dir string) layer {
	return layer{origins: map[string]Origin{}, dir: dir}
}

func (l *layer) set(key string, value any, origin Origin) {
	if l.values == nil {
		l.values = viper.New()
	}
	l.values.Set(key, value)
	l.origins[key] = origin
}

// candidate is one source's word on a setting.
type candidate struct {
	setting *setting
	form    string
	text    string
	list    []string
	origin  Origin
	dir     string
}

// candidates yields every source's word on a setting, the winner first.
func (c *Config) candidates(s *setting) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		forms := secretForms()
		if s.kind != kindSecret {
			forms = forms[:1]
		}
		for _, l := range c.layers {
			if l.values == nil {
				continue
			}
			for _, form := range forms {
				key := s.key + form
				origin, ok := l.origins[key]
				if !ok {
					continue
				}
				got := candidate{setting: s, form: form, origin: origin, dir: l.dir}
				if list, ok := l.values.Get(key).([]string); ok {
					got.list = list
				} else {
					got.text = l.values.GetString(key)
				}
				if !yield(got) {
					return
				}
			}
		}
	}
}

// strongest returns the winner; false when no source says anything.
func strongest(all iter.Seq[candidate]) (candidate, bool) {
	for got := range all {
		return got, true
	}
	return candidate{}, false
}

// checkForms refuses a source that gives one secret in two ways.
func checkForms(l layer) error {
	keys := make([]string, 0, len(l.origins))
	for key := range l.origins {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	first := map[string]string{}
	for _, key := range keys {
		s, _, ok := find(key)
		if !ok {
			continue
		}
		if other, twice := first[s.key]; twice {
			return payment.Usage(fmt.Sprintf("%s and %s: both give %s", l.origins[other], l.origins[key], quote(s.key)), "keep one of them")
		}
		first[s.key] = key
	}
	return nil
}

// flagLayer takes the flags that stand for settings.
func flagLayer(s Source) (layer, error) {
	l := newLayer(s.WorkDir)
	for _, name := range sortedKeys(s.Flags) {
		if name == "profile" || name == "config" || s.Flags[name] == "" {
			continue
		}
		found, form, ok := find(name)
		if !ok || found.kind == kindSecret && form == plainly {
			return l, fmt.Errorf("config: %q cannot be given as a flag", name)
		}
		flag := strings.ReplaceAll(name[strings.LastIndexByte(name, '.')+1:], "_", "-")
		l.set(name, s.Flags[name], Origin{Kind: FromFlag, Name: flag})
	}
	return l, checkForms(l)
}

// environmentLayers takes the variables; the second layer holds the aliases.
// An empty variable is none.
func environmentLayers(s Source) (own, aliases layer, err error) {
	own, aliases = newLayer(s.WorkDir), newLayer(s.WorkDir)
	for _, row := range settings {
		for _, form := range []string{plainly, byFile} {
			if form != plainly && row.kind != kindSecret || row.noEnv {
				continue
			}
			name := row.variable() + strings.ToUpper(form)
			if value := s.env(name); value != "" {
				own.set(row.key+form, value, Origin{Kind: FromEnvironment, Name: name})
			}
		}
		if value := s.env(row.alias); value != "" {
			aliases.set(row.key, value, Origin{Kind: FromEnvironment, Name: row.alias})
		}
	}
	return own, aliases, checkForms(own)
}

// fileLayers takes a file's profile section and what stands at its top. The
// profile local takes from the top only how things are shown: it needs no configuration and is
// not to be led astray by what is meant for real providers.
func fileLayers(kind OriginKind, d *document, profile string) ([]layer, error) {
	if d == nil {
		return nil, nil
	}
	shared := d.shared
	if profile == string(payment.Local) {
		shared = looks(shared)
	}
	sections := []map[string]entry{d.profiles[profile], shared}
	layers := make([]layer, 0, len(sections))
	for _, entries := range sections {
		l := newLayer(filepath.Dir(d.path))
		for key, e := range entries {
			l.set(key, e.value, Origin{Kind: kind, Name: d.path, Line: e.line, Trusted: e.trusted})
		}
		if err := checkForms(l); err != nil {
			return nil, err
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// looks are the entries that say how things are shown.
func looks(entries map[string]entry) map[string]entry {
	out := map[string]entry{}
	for key, e := range entries {
		if s, _, _ := find(key); s != nil && s.looks {
			out[key] = e
		}
	}
	return out
}
