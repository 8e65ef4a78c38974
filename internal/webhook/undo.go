package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/wasaapay"
)

// mostUndone bounds the bytes that are written and hashed while damage is undone: a
// second or so.
const mostUndone = 96 << 20

// undoing looks for the damage that a body took after it was signed. A signature
// that fits is proof: nothing else is taken for one.
type undoing struct {
	keys []keyed
	want []byte
	left int

	wraps, mends, guesses []Damage
}

// keyed is a key, ready to be used again and again.
type keyed struct {
	Key
	mac hash.Hash
}

// Undo returns the damage that, undone, makes the signature fit; false when none of
// those that payctl knows does, alone or several together. The work is bounded; what
// was left out for that is said in LeftOut.
func Undo(body []byte, keys []Key) (Explanation, bool) {
	u := newUndoing(keys, mostUndone)
	e, found := u.text(body, nil)
	if !found && u.left < 0 {
		e.LeftOut = "not every combination was tried: the payload is large"
	}
	return e, found
}

// misread reports whether UTF-8 was read as another encoding: then it fits as well
// to say that it was signed in that one, and it is not so.
func misread(body []byte, keys []Key) (Explanation, bool) {
	u := newUndoing(keys, mostUndone)
	given, found := wasaapay.SignatureOf(body)
	tree, err := parseTree(body)
	whole, isObject := tree.(object)
	digits, prefixed := strings.CutPrefix(given, "sha256=")
	if err != nil || !found || !isObject || !prefixed {
		return Explanation{}, false
	}
	if u.want, err = hex.DecodeString(digits); err != nil {
		return Explanation{}, false
	}
	for _, d := range mended() {
		if d.Name == "utf-8-as-latin-1" {
			return u.mend(whole.without("signature"), []Damage{d}, 1, nil)
		}
	}
	return Explanation{}, false
}

func newUndoing(keys []Key, most int) *undoing {
	u := &undoing{left: most, wraps: unwrapped(), mends: mended(), guesses: guessed()}
	for _, k := range keys {
		u.keys = append(u.keys, keyed{k, hmac.New(sha256.New, []byte(k.Secret.Reveal()))})
	}
	return u
}

// mostWraps is how many wrappings may lie around a body.
const mostWraps = 3

// text looks at a body, and then at what it may hold.
func (u *undoing) text(body []byte, done []Damage) (Explanation, bool) {
	if utf8.Valid(body) { // else what it may be in UTF-8 is looked at
		if e, found := u.object(body, done); found {
			return e, true
		}
	}
	if len(done) == mostWraps {
		return Explanation{}, false
	}
	for _, d := range u.wraps {
		for _, inner := range d.unwrap(body) {
			if e, found := u.text(inner, append(slices.Clip(done), d)); found {
				return e, true
			}
		}
	}
	return Explanation{}, false
}

// object looks at a body that is an object with a signature.
func (u *undoing) object(body []byte, done []Damage) (Explanation, bool) {
	given, found := wasaapay.SignatureOf(body)
	tree, err := parseTree(body)
	whole, isObject := tree.(object)
	if !found || err != nil || !isObject {
		return Explanation{}, false
	}
	digits, prefixed := strings.CutPrefix(given, "sha256=")
	if u.want, err = hex.DecodeString(digits); err != nil || !prefixed || len(u.want) != sha256.Size {
		return Explanation{}, false
	}
	tree = whole.without("signature")
	if len(done) > 0 {
		if k, fits := u.fits(tree); fits {
			return undone(k, done), true
		}
	}
	return u.tree(tree, done)
}

// mostMended is how many kinds of damage may have come together; of a body over
// mostGuessed bytes only what can be undone in one way is looked at, one kind at a time.
const (
	mostMended  = 3
	mostGuessed = 32 << 10
)

// tree tries what may have been done to the values: first what can be undone in one
// way, several together, then what must be guessed, alone and with one of the others.
func (u *undoing) tree(tree any, done []Damage) (Explanation, bool) {
	mends, guesses := u.mends, u.guesses
	if e, found := u.mend(tree, mends, 1, done); found {
		return e, true
	}
	if len(writing{}.bytes(tree)) > mostGuessed {
		u.left = -1
		return Explanation{}, false
	}
	for most := 2; most <= mostMended; most++ {
		if e, found := u.mend(tree, mends, most, done); found {
			return e, true
		}
	}
	for _, g := range guesses {
		if e, found := u.guess(tree, g, done); found {
			return e, true
		}
	}
	for i, m := range mends {
		mended := m.mend(tree)
		for _, g := range guesses {
			if g.Name == "shuffled" && i < 2 {
				continue // that has been tried in each order
			}
			if e, found := u.guess(mended, g, append(slices.Clip(done), m)); found {
				return e, true
			}
		}
	}
	return Explanation{}, false
}

// mend tries exactly so many mends, in the order of the table.
func (u *undoing) mend(tree any, mends []Damage, most int, done []Damage) (Explanation, bool) {
	for i, m := range mends {
		if u.left < 0 {
			break
		}
		mended := m.mend(tree)
		with := append(slices.Clip(done), m)
		if most > 1 {
			if e, found := u.mend(mended, mends[i+1:], most-1, with); found {
				return e, true
			}
			continue
		}
		if k, fits := u.fits(mended); fits {
			return undone(k, with), true
		}
	}
	return Explanation{}, false
}

func (u *undoing) guess(tree any, g Damage, done []Damage) (out Explanation, found bool) {
	g.guess(tree, func(candidate any) bool {
		k, fits := u.fits(candidate)
		if fits {
			out, found = undone(k, append(slices.Clip(done), g)), true
		}
		return fits || u.left < 0
	})
	return out, found
}

// fits reports whether the signature is one of a tree.
func (u *undoing) fits(tree any) (Key, bool) {
	if u.left < 0 {
		return Key{}, false
	}
	text := writing{number: shortest}.bytes(tree)
	u.left -= 2*len(text) + 64
	for _, k := range u.keys {
		k.mac.Reset()
		_, _ = k.mac.Write(text)
		u.left -= len(text)
		if hmac.Equal(k.mac.Sum(nil), u.want) {
			return k.Key, true
		}
	}
	return Key{}, false
}

// undone words the damage, each once. One that changed nothing is not there: a
// smaller number of them would have fitted before.
func undone(k Key, done []Damage) Explanation {
	var names, meanings, fixes []string
	for _, d := range done {
		names, meanings = append(names, d.Name), append(meanings, d.Meaning)
		if len(fixes) == 0 || fixes[len(fixes)-1] != d.Fix {
			fixes = append(fixes, d.Fix)
		}
	}
	e := Explanation{
		Mistake: strings.Join(names, "+"), Meaning: "the signature is genuine, and the body was changed after it came: " + strings.Join(meanings, "; and "),
		Fix: strings.Join(fixes, "; "),
	}
	if k.Role != "" {
		e.Meaning += " (and it was signed with " + k.Role + ")"
	}
	return e
}
