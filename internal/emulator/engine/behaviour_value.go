package engine

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/spell"
)

// chance says how often a behaviour strikes.
type chance struct {
	percent float64 // of all occasions, decided by the seed; used when nth and times are 0
	nth     uint64  // every nth occasion
	times   uint64  // the first so many occasions
}

// strikes decides the roll that s has just counted.
func (c chance) strikes(seed uint64, s *Setting) bool {
	switch {
	case c.times > 0:
		return s.rolls <= c.times
	case c.nth > 0:
		return s.rolls%c.nth == 0
	case c.percent >= 100:
		return true
	default:
		h := fnv.New64a()
		_, _ = h.Write([]byte(s.name))
		return float64(Mix(seed^h.Sum64()+s.rolls*0x9e3779b97f4a7c15)>>11)/(1<<53)*100 < c.percent
	}
}

// maxTimes bounds the counts in a chance.
const maxTimes = 1_000_000

var errChance = errors.New("a chance is always, 30%, 0.3, 1/5 (every fifth) or x2 (the next two)")

// parseChance reads a chance; the empty text is always.
func parseChance(text string) (chance, error) {
	switch {
	case text == "" || text == "always" || text == "on":
		return chance{percent: 100}, nil
	case strings.HasPrefix(text, "x"):
		n, err := strconv.ParseUint(text[1:], 10, 32)
		if err != nil || n == 0 || n > maxTimes {
			return chance{}, errChance
		}
		return chance{times: n}, nil
	case strings.HasPrefix(text, "1/"):
		n, err := strconv.ParseUint(text[2:], 10, 32)
		if err != nil || n == 0 || n > maxTimes {
			return chance{}, errChance
		}
		return chance{nth: n}, nil
	}
	number, percent := strings.CutSuffix(text, "%")
	p, err := strconv.ParseFloat(number, 64)
	if !percent {
		p *= 100
	}
	if err != nil || !(p >= 0 && p <= 100) { // NaN fails both
		return chance{}, errChance
	}
	return chance{percent: p}, nil
}

// parse reads value into s as the row says.
func (b *Row) parse(s *Setting, value string, apis []string) error {
	value, scope, scoped := strings.Cut(value, "@")
	if scoped {
		for api := range strings.SplitSeq(scope, "+") {
			if !slices.Contains(apis, api) {
				return fmt.Errorf("API %q is unknown%s", api, Suggest(api, apis))
			}
			s.scope = append(s.scope, api)
		}
	}
	main, odds := value, ""
	if b.kind == kindFlag {
		main, odds = "", value
	} else if before, after, found := strings.Cut(value, ","); found {
		main, odds = before, after
	}
	var err error
	if s.chance, err = parseChance(odds); err != nil {
		return err
	}
	if main == "" {
		main = b.fallback
	}
	return b.parseMain(s, main)
}

// maxSpan bounds the durations of behaviours.
const maxSpan = 30 * 24 * time.Hour

func (b *Row) parseMain(s *Setting, text string) error {
	switch b.kind {
	case kindFlag:
		return nil
	case kindDuration:
		return parseSpan(s, text)
	case kindCount:
		n, err := strconv.Atoi(text)
		if err != nil || n < b.low || n > b.high {
			return fmt.Errorf("%q is not a whole number from %d to %d", text, b.low, b.high)
		}
		s.Count = n
		return nil
	case kindChoice:
		if text == "" {
			text = b.choices[0]
		}
		if !slices.Contains(b.choices, text) {
			return fmt.Errorf("%q is none of %s", text, strings.Join(b.choices, ", "))
		}
		s.choice = text
		return nil
	case kindRate:
		count, per, found := strings.Cut(text, "/")
		n, err := strconv.Atoi(count)
		if !found || err != nil || n < 1 || n > maxTimes {
			return fmt.Errorf("%q is not a rate such as 5/1m", text)
		}
		s.Count = n
		return parseSpan(s, per)
	default:
		return fmt.Errorf("kind %d has no reader", b.kind)
	}
}

func parseSpan(s *Setting, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxSpan {
		return fmt.Errorf("%q is not a duration such as 500ms, 20s or 2m (at most %s)", text, maxSpan)
	}
	s.Duration = d
	return nil
}

// Suggest names the close ones among names, or all of them when few.
func Suggest(word string, names []string) string {
	far := func(name string) int {
		if len(word) > 2 && strings.Contains(name, word) {
			return 1
		}
		return spell.Distance(word, name)
	}
	near := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return far(name) > max(2, len(name)/4) })
	slices.SortFunc(near, func(a, b string) int { return cmp.Or(cmp.Compare(far(a), far(b)), cmp.Compare(a, b)) })
	near = slices.DeleteFunc(near, func(name string) bool { return far(name) > far(near[0])+1 })
	switch {
	case len(near) > 0:
		return ": did you mean " + strings.Join(near[:min(len(near), 5)], ", ") + "?"
	case len(names) <= 40:
		return ": use one of " + strings.Join(names, ", ")
	default:
		return ": see the list of behaviours"
	}
}
