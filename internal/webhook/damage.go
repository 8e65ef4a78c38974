package webhook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"html"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"github.com/payctl/payctl/internal/packing"
	"github.com/payctl/payctl/internal/wasaapay"
)

// Damage is one usual way in which a receiver changes a body between the wire and
// the check. Unlike a Mistake the signer has made none: the signature fits once
// the damage is undone, which is the proof.
type Damage struct {
	// Name is short and stands in the explanation.
	Name string
	// Meaning names the habit of the framework behind it, Fix what to do about it.
	Meaning, Fix string

	// One of these is set. unwrap returns what the text may have been, mend what the
	// tree was, and guess calls try with the trees that it may have been until that
	// returns true.
	unwrap func(body []byte) [][]byte
	mend   func(tree any) any
	guess  func(tree any, try func(any) bool) bool
}

const (
	rawBody    = "check the raw bytes, before any middleware touches them"
	storedBody = "store the raw bytes (bytea, BLOB or text), and check those"
)

// Damages returns the table, in the order in which they are tried.
func Damages() []Damage {
	return append(append(unwrapped(), mended()...), guessed()...)
}

func unwrapped() []Damage {
	var out []Damage
	for _, f := range packing.Forms() {
		if f.Name == packing.List().Name {
			continue // of any length, below
		}
		out = append(out, Damage{Name: f.Name, Meaning: f.Meaning, Fix: f.Fix, unwrap: func(body []byte) [][]byte {
			if inner := f.Unpack(body); inner != nil {
				return [][]byte{inner}
			}
			return nil
		}})
	}
	list, log := packing.List(), packing.LogPrefix()
	return append(
		out,
		Damage{Name: "wrapped", Meaning: `the body is wrapped in another, such as {"body": …} of AWS Lambda, {"Records": […]} of its queues, and API gateways`, Fix: "take the inner body, and check its own bytes", unwrap: wrappings},
		Damage{Name: list.Name, Meaning: list.Meaning, Fix: list.Fix, unwrap: listed},
		Damage{Name: "latin-1-stored", Meaning: "the body was stored in ISO 8859-1, as a MySQL latin1 column does", Fix: "store bytes or utf8mb4", unwrap: fromLatin1},
		Damage{Name: log.Name, Meaning: log.Meaning, Fix: log.Fix, unwrap: loggedLine},
	)
}

func mended() []Damage {
	return []Damage{
		{Name: "envelope-reordered", Meaning: "the members of the envelope were re-ordered, as sorting encoders and rebuilt objects do", Fix: rawBody, mend: func(t any) any { return ordered(t, false) }},
		{Name: "members-reordered", Meaning: "all members were re-ordered, as PostgreSQL jsonb, Go maps and MySQL JSON columns do", Fix: storedBody, mend: func(t any) any { return ordered(t, true) }},
		{Name: "empty-to-null", Meaning: "empty texts became null, as Laravel's ConvertEmptyStringsToNull does", Fix: "leave the route out of that middleware; " + rawBody, mend: leaves(func(v any) any {
			if v == nil {
				return ""
			}
			return v
		})},
		{Name: "null-to-empty", Meaning: "null became an empty text, as form binders and Go structs do", Fix: rawBody, mend: leaves(func(v any) any {
			if v == "" {
				return nil
			}
			return v
		})},
		{Name: "utf-8-as-latin-1", Meaning: "UTF-8 was read as ISO 8859-1 or Windows-1252 (é became Ã©), as servers without a charset do", Fix: "read the body as UTF-8", mend: texts(undoubled)},
		{Name: "decomposed", Meaning: "the texts were normalised to NFC", Fix: "do not normalise before the check; " + rawBody, mend: texts(norm.NFD.String)},
		{Name: "composed", Meaning: "the texts were normalised to NFD, as macOS file names and some libraries do", Fix: "do not normalise before the check; " + rawBody, mend: texts(norm.NFC.String)},
		{Name: "html-escaped", Meaning: "HTML entities were put in (& became &amp;), as PHP's htmlspecialchars and sanitisers do", Fix: "sanitise when you show a text, not when you receive it", mend: texts(html.UnescapeString)},
		{Name: "html-unescaped", Meaning: "HTML entities were read (&amp; became &)", Fix: rawBody, mend: texts(html.EscapeString)},
		{Name: "texts-to-numbers", Meaning: `texts became numbers ("250.00" became 250.00), as PHP's JSON_NUMERIC_CHECK and typed columns do`, Fix: "keep amounts as texts; " + rawBody, mend: leaves(func(v any) any {
			if n, isNumber := v.(number); isNumber {
				return n.text
			}
			return v
		})},
		{Name: "numbers-to-texts", Meaning: "numbers became texts, as form parsers and MySQL drivers do", Fix: rawBody, mend: leaves(asNumber)},
		{Name: "numbers-rewritten", Meaning: "amounts became numbers without their decimals (250.00 became 250), as floats do", Fix: "keep amounts as texts; " + rawBody, mend: leaves(func(v any) any {
			if n, isNumber := v.(number); isNumber {
				return twoPlaces(n)
			}
			return v
		})},
	}
}

func guessed() []Damage {
	return []Damage{
		{Name: "trimmed", Meaning: "white space around texts was cut off, as Laravel's TrimStrings does", Fix: "leave the route out of that middleware; " + rawBody, guess: untrimmed},
		{Name: "some-empty-to-null", Meaning: "some empty texts and nulls were exchanged, as Laravel's ConvertEmptyStringsToNull and form binders do", Fix: rawBody, guess: exchanged},
		{Name: "some-retyped", Meaning: "some texts became numbers or the other way, as typed models and columns do", Fix: "keep amounts as texts; " + rawBody, guess: retyped},
		{Name: "trimmed+some-empty-to-null", Meaning: "white space around a text was cut off, and empty texts became null, as Laravel's TrimStrings and ConvertEmptyStringsToNull do one after the other", Fix: "leave the route out of both middlewares; " + rawBody, guess: trimmedAndEmptied},
		{Name: "replaced-characters", Meaning: "bytes that were no UTF-8 to the reader became U+FFFD", Fix: "read the body as UTF-8; what was lost cannot be brought back from here", guess: unreplaced},
		{Name: "shuffled", Meaning: "members stand in another order, as PostgreSQL jsonb, Go maps and rebuilt objects give them", Fix: storedBody, guess: permuted},
	}
}

// wrappings are the texts and objects that a body may be a member of.
func wrappings(body []byte) [][]byte {
	tree, err := parseTree(body)
	outer, isObject := tree.(object)
	if err != nil || !isObject || outer.index("signature") >= 0 {
		return nil
	}
	var out [][]byte
	for _, m := range outer[:min(len(outer), mostListed)] {
		switch v := m.value.(type) {
		case string:
			if strings.Contains(v, "{") {
				out = append(out, []byte(v))
			} else if raw, err := base64.StdEncoding.DecodeString(v); err == nil && len(raw) > 0 {
				out = append(out, raw)
			}
		case object:
			out = append(out, writing{}.bytes(v))
		case []any:
			for _, one := range v[:min(len(v), mostListed)] {
				if inner, isObject := one.(object); isObject {
					out = append(out, writing{}.bytes(inner))
				}
			}
		}
	}
	return out
}

func listed(body []byte) [][]byte {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) != nil || len(list) == 0 || len(list) > mostListed {
		return nil
	}
	out := make([][]byte, len(list))
	for i, one := range list {
		out[i] = one
	}
	return out
}

// mostListed bounds the elements of a list that are looked at.
const mostListed = 16

func loggedLine(body []byte) [][]byte {
	first, last := bytes.IndexByte(body, '{'), bytes.LastIndexByte(body, '}')
	if first < 0 || last < first || first == 0 && last == len(body)-1 {
		return nil
	}
	return [][]byte{body[first : last+1]}
}

func fromLatin1(body []byte) [][]byte {
	if utf8.Valid(body) {
		return nil
	}
	var out [][]byte
	for _, page := range []*charmap.Charmap{charmap.ISO8859_1, charmap.Windows1252} {
		if text, err := page.NewDecoder().Bytes(body); err == nil {
			out = append(out, text)
		}
	}
	return out
}

// undoubled reads a text as UTF-8 that was read as Windows-1252 or ISO 8859-1.
func undoubled(text string) string {
	for _, page := range []*charmap.Charmap{charmap.ISO8859_1, charmap.Windows1252} {
		if raw, err := page.NewEncoder().String(text); err == nil && raw != text && utf8.ValidString(raw) {
			return raw
		}
	}
	return text
}

// leaves changes every value that is neither an object nor a list.
func leaves(f func(any) any) func(any) any {
	var walk func(any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case object:
			out := make(object, len(v))
			for i, m := range v {
				out[i] = member{m.name, walk(m.value)}
			}
			return out
		case []any:
			out := make([]any, len(v))
			for i, one := range v {
				out[i] = walk(one)
			}
			return out
		}
		return f(v)
	}
	return walk
}

func texts(f func(string) string) func(any) any {
	return leaves(func(v any) any {
		if text, isText := v.(string); isText {
			return f(text)
		}
		return v
	})
}

// asNumber is a text as the number that it spells.
func asNumber(v any) any {
	text, isText := v.(string)
	if !isText || !isDecimal(text) {
		return v
	}
	return number{text, wasaapay.Number(text)}
}

func isDecimal(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil && json.Valid([]byte(text))
}

// eachLeaf returns the places of the leaves that wanted picks, and a function that
// gives the tree with other values at some places.
func eachLeaf(tree any, wanted func(any) bool) (places []int, with func(values map[int]any) any) {
	n := 0
	leaves(func(v any) any {
		if wanted(v) {
			places = append(places, n)
		}
		n++
		return v
	})(tree)
	with = func(values map[int]any) any {
		n := 0
		return leaves(func(v any) any {
			n++
			if set, there := values[n-1]; there {
				return set
			}
			return v
		})(tree)
	}
	return places, with
}

func leafAt(tree any, place int) (out any) {
	n := 0
	leaves(func(v any) any {
		if n == place {
			out = v
		}
		n++
		return v
	})(tree)
	return out
}
