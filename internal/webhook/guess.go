package webhook

import (
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/encoding/charmap"

	"github.com/payctl/payctl/internal/wasaapay"
)

// The bounds of guessing; what a payload has more of is left out.
const (
	mostTrimmed  = 24 // texts that may have been trimmed
	mostToggled  = 8  // leaves of which any subset may have changed
	mostReplaced = 3  // U+FFFD in one body
	mostShuffled = 8  // members whose every order is tried
)

// untrimmed puts white space back around one text, and then around two.
func untrimmed(tree any, try func(any) bool) bool {
	places, with := eachLeaf(tree, func(v any) bool { _, isText := v.(string); return isText })
	if len(places) > mostTrimmed {
		places = places[:mostTrimmed]
	}
	forms := func(place int) []any {
		text, _ := leafAt(tree, place).(string)
		return []any{text + " ", " " + text, " " + text + " ", text + "\n", text + "\r\n", text + "  ", text + "\t", "\n" + text, "\u00a0" + text, text + "\u00a0"}
	}
	for _, a := range places {
		for _, v := range forms(a) {
			if try(with(map[int]any{a: v})) {
				return true
			}
		}
	}
	for i, a := range places {
		for _, b := range places[i+1:] {
			for _, v := range forms(a)[:4] {
				for _, w := range forms(b)[:4] {
					if try(with(map[int]any{a: v, b: w})) {
						return true
					}
				}
			}
		}
	}
	return false
}

// subsets tries every subset of the places with their other value.
func subsets(places []int, other func(int) any, with func(map[int]any) any, try func(any) bool) bool {
	places = places[:min(len(places), mostToggled)]
	for mask := 1; mask < 1<<len(places); mask++ {
		values := map[int]any{}
		for i, place := range places {
			if mask&(1<<i) != 0 {
				values[place] = other(place)
			}
		}
		if try(with(values)) {
			return true
		}
	}
	return false
}

// exchanged tries "" for null and null for "", in any subset.
func exchanged(tree any, try func(any) bool) bool {
	places, with := eachLeaf(tree, func(v any) bool { return v == nil || v == "" })
	return subsets(places, func(place int) any {
		if leafAt(tree, place) == nil {
			return ""
		}
		return nil
	}, with, try)
}

// trimmedAndEmptied puts white space back around one text, with "" for null in any subset.
func trimmedAndEmptied(tree any, try func(any) bool) bool {
	texts, with := eachLeaf(tree, func(v any) bool { _, isText := v.(string); return isText })
	nulls, _ := eachLeaf(tree, func(v any) bool { return v == nil })
	if len(nulls) == 0 {
		return false
	}
	for _, place := range texts[:min(len(texts), mostTrimmed)] {
		text, _ := leafAt(tree, place).(string)
		for _, untrimmed := range []any{text + " ", " " + text, " " + text + " ", text + "\n"} {
			if subsets(nulls, func(int) any { return "" }, func(values map[int]any) any {
				values[place] = untrimmed
				return with(values)
			}, try) {
				return true
			}
		}
	}
	return false
}

// retyped tries numbers as texts and texts as numbers, in any subset, and each
// number as the amounts that it may have been.
func retyped(tree any, try func(any) bool) bool {
	places, with := eachLeaf(tree, func(v any) bool {
		_, isNumber := v.(number)
		return isNumber || asNumber(v) != v
	})
	other := func(place int) any {
		v := leafAt(tree, place)
		if n, isNumber := v.(number); isNumber {
			return n.text
		}
		return asNumber(v)
	}
	if subsets(places, other, with, try) {
		return true
	}
	return subsets(places, func(place int) any {
		if n, isNumber := leafAt(tree, place).(number); isNumber {
			return twoPlaces(n)
		}
		return other(place)
	}, with, try)
}

// unreplaced tries what U+FFFD may stand for: a letter of ISO 8859-1 or Windows-1252
// each, or one letter for two or three of them.
func unreplaced(tree any, try func(any) bool) bool {
	const lost = "\uFFFD"
	text := string(writing{number: shortest}.bytes(tree))
	count := strings.Count(text, lost)
	if count == 0 {
		return false
	}
	letters := lostLetters()
	for _, run := range []string{lost + lost + lost, lost + lost} {
		if n := strings.Count(text, run); n > 0 && strings.Count(text, lost) == n*strings.Count(run, lost) && n <= mostReplaced {
			if refill(tree, run, n, letters, try) {
				return true
			}
		}
	}
	return count <= mostReplaced && refill(tree, lost, count, letters, try)
}

// refill tries all letters in n places at once.
func refill(tree any, run string, n int, letters []string, try func(any) bool) bool {
	picks := make([]int, n)
	for {
		at := 0
		candidate := texts(func(text string) string {
			for strings.Contains(text, run) {
				text = strings.Replace(text, run, letters[picks[min(at, n-1)]], 1)
				at++
			}
			return text
		})(tree)
		if try(candidate) {
			return true
		}
		i := 0
		for ; i < n; i++ {
			if picks[i]++; picks[i] < len(letters) {
				break
			}
			picks[i] = 0
		}
		if i == n {
			return false
		}
	}
}

// lostLetters are the likeliest characters beyond ASCII, those of names first.
func lostLetters() []string {
	var out []string
	for b := 0xff; b >= 0x80; b-- {
		r := charmap.Windows1252.DecodeByte(byte(b))
		if r != '\uFFFD' {
			out = append(out, string(r))
		}
	}
	return out
}

// envelope is the documented order of an envelope's members (reference/wasaapay.md §11.2).
func envelope() []string {
	return []string{"event", "timestamp", "partnerId", "environment", "signature"}
}

// ordered puts the members into the documented order, those of data as well if that
// is wanted. What is not documented stays in its own order, before data.
func ordered(tree any, dataToo bool) any {
	o, isObject := tree.(object)
	if !isObject {
		return tree
	}
	out := arranged(o, append(envelope(), "\x00", "data"))
	if !dataToo {
		return out
	}
	if i := out.index("data"); i >= 0 {
		if data, isObject := out[i].value.(object); isObject {
			event := ""
			if j := out.index("event"); j >= 0 {
				event, _ = out[j].value.(string)
			}
			out[i].value = arranged(data, documented(event))
		}
	}
	return out
}

// arranged sorts members by their place in a list of names; "\x00" in it is where
// the others go, else at the end.
func arranged(o object, names []string) object {
	others := slices.Index(names, "\x00")
	if others < 0 {
		others = len(names)
	}
	rank := func(m member) int {
		if i := slices.Index(names, m.name); i >= 0 {
			return i
		}
		return others
	}
	out := slices.Clone(o)
	slices.SortStableFunc(out, func(a, b member) int { return rank(a) - rank(b) })
	return out
}

// documented is the order of an event's data in the vendor's samples, and then what
// other events have.
func documented(event string) []string {
	orders := sampleOrders()
	if own := orders[event]; own != nil {
		return own
	}
	return orders[""]
}

// sampleOrders are the orders of the samples' data, by event; "" is of all together.
var sampleOrders = sync.OnceValue(func() map[string][]string { //nolint:gochecknoglobals // immutable, and read for every guess
	out := map[string][]string{}
	for _, s := range wasaapay.Samples() {
		tree, err := parseTree(s.Body)
		o, isObject := tree.(object)
		if err != nil || !isObject || o.index("data") < 0 {
			continue
		}
		data, _ := o[o.index("data")].value.(object)
		for _, m := range data {
			out[s.Event] = append(out[s.Event], m.name)
			if !slices.Contains(out[""], m.name) {
				out[""] = append(out[""], m.name)
			}
		}
	}
	for event, own := range out {
		for _, name := range out[""] {
			if !slices.Contains(own, name) {
				own = append(own, name)
			}
		}
		out[event] = own
	}
	return out
})

// permuted tries the envelope in its documented order and as it is, with every order
// of data's members, of the envelope's members, and of both lists where they are short.
func permuted(tree any, try func(any) bool) bool {
	o, isObject := tree.(object)
	if !isObject {
		return false
	}
	documentedFirst, _ := ordered(o, false).(object)
	for _, whole := range []object{documentedFirst, o} {
		i := whole.index("data")
		if i < 0 {
			continue
		}
		data, isObject := whole[i].value.(object)
		if !isObject || len(data) > mostShuffled {
			continue
		}
		if orders(data, func(members object) bool {
			candidate := slices.Clone(whole)
			candidate[i].value = members
			return try(candidate)
		}) {
			return true
		}
	}
	return len(o) <= mostShuffled && orders(o, func(members object) bool { return try(members) })
}

// orders calls try with every order of some members (Heap's algorithm).
func orders(of object, try func(object) bool) bool {
	members := slices.Clone(of)
	if try(slices.Clone(members)) {
		return true
	}
	turns := make([]int, len(members))
	for i := 1; i < len(members); {
		if turns[i] >= i {
			turns[i] = 0
			i++
			continue
		}
		if i%2 == 0 {
			members[0], members[i] = members[i], members[0]
		} else {
			members[turns[i]], members[i] = members[i], members[turns[i]]
		}
		if try(slices.Clone(members)) {
			return true
		}
		turns[i]++
		i = 1
	}
	return false
}
