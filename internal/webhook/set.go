package webhook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// Edit changes a JSON body: Set first, then SetJSON, then Unset. A path is names
// and places in lists, such as data.amount or Item[0].Value (Item.0.Value is the
// same). The order of members is kept, white space is not. Errors are KindUsage
// and name where a path ends and what is there.
type Edit struct {
	// Set are assignments PATH=TEXT to members that exist. A value keeps the type
	// of what it replaces: text stays text, anything else is read as JSON.
	Set []string
	// SetJSON are assignments PATH=JSON; members that are missing are added, and a
	// list grows by the place after its last.
	SetJSON []string
	// Unset are the paths of members and places to take out.
	Unset []string
}

// IsEmpty reports whether an edit changes nothing.
func (e Edit) IsEmpty() bool { return len(e.Set)+len(e.SetJSON)+len(e.Unset) == 0 }

// Apply returns the body as the edit leaves it.
func (e Edit) Apply(body []byte) ([]byte, error) {
	if e.IsEmpty() {
		return body, nil
	}
	tree, err := parseTree(body)
	if err != nil {
		return nil, payment.Usage("set: "+err.Error(), "give a JSON payload")
	}
	for _, assignment := range e.Set {
		if err := e.set(&tree, assignment); err != nil {
			return nil, err
		}
	}
	for _, assignment := range e.SetJSON {
		if err := e.setJSON(&tree, assignment); err != nil {
			return nil, err
		}
	}
	for _, path := range e.Unset {
		if err := unset(&tree, place{flag: "unset", path: path}); err != nil {
			return nil, err
		}
	}
	return writing{}.bytes(tree), nil
}

// Set is Edit.Set alone.
func Set(body []byte, assignments []string) ([]byte, error) {
	return Edit{Set: assignments}.Apply(body)
}

// place is where an edit works, for errors.
type place struct{ flag, path string }

func (p place) usage(hint, format string, args ...any) error {
	return payment.Usage(p.flag+" "+p.path+": "+fmt.Sprintf(format, args...), hint)
}

// steps takes a path apart: a.b.0.c and a.b[0].c alike.
func (p place) steps() ([]string, error) {
	var out []string
	for part := range strings.SplitSeq(p.path, ".") {
		name, places, bracketed := strings.Cut(part, "[")
		if name != "" || !bracketed {
			out = append(out, name)
		}
		for bracketed {
			var index string
			var closed bool
			index, places, closed = strings.Cut(places, "]")
			if _, err := strconv.Atoi(index); err != nil || !closed || places != "" && places[0] != '[' {
				return nil, p.usage("write a.b[0].c", "its brackets hold no place in a list")
			}
			out = append(out, index)
			places, bracketed = strings.CutPrefix(places, "[")
		}
	}
	if slices.Contains(out, "") {
		return nil, p.usage("write a.b.c", "has an empty step")
	}
	return out, nil
}

func (e Edit) set(tree *any, assignment string) error {
	path, value, found := strings.Cut(assignment, "=")
	if !found || path == "" {
		return payment.Usage(fmt.Sprintf("set %q: has no path and value", assignment), "write --set PATH=VALUE, such as --set data.amount=250.00")
	}
	at := place{flag: "set", path: path}
	steps, err := at.steps()
	if err != nil {
		return err
	}
	node := tree
	for _, step := range steps {
		if node, err = find(node, step, at); err != nil {
			return err
		}
	}
	if _, isText := (*node).(string); isText {
		*node = value
		return nil
	}
	parsed, err := parseTree([]byte(value))
	if err != nil {
		return at.usage(`write a number, true, false, null, or "text" in double quotes`, "%q is not JSON, and what it replaces is not text", value)
	}
	*node = parsed
	return nil
}

func (e Edit) setJSON(tree *any, assignment string) error {
	path, value, found := strings.Cut(assignment, "=")
	if !found || path == "" {
		return payment.Usage(fmt.Sprintf("set-json %q: has no path and value", assignment), `write --set-json PATH=JSON, such as --set-json 'data.note="late"'`)
	}
	at := place{flag: "set-json", path: path}
	parsed, err := parseTree([]byte(value))
	if err != nil {
		return at.usage(`write JSON; a text stands in double quotes`, "%q is not JSON", value)
	}
	steps, err := at.steps()
	if err != nil {
		return err
	}
	node := tree
	for _, step := range steps {
		if node, err = findOrAdd(node, step, at); err != nil {
			return err
		}
	}
	*node = parsed
	return nil
}

// findOrAdd is find, but for what is missing: an object gets the member, a list
// the place after its last, and what is null becomes what the step needs.
func findOrAdd(node *any, step string, at place) (*any, error) {
	index, notIndex := strconv.Atoi(step)
	if *node == nil {
		*node = object{}
		if notIndex == nil {
			*node = []any{}
		}
	}
	switch inner := (*node).(type) {
	case object:
		if inner.index(step) < 0 {
			*node = append(inner, member{name: step})
		}
	case []any:
		if notIndex == nil && index == len(inner) {
			*node = append(inner, nil)
		}
	}
	return find(node, step, at)
}

func unset(tree *any, at place) error {
	steps, err := at.steps()
	if err != nil {
		return err
	}
	node := tree
	for _, step := range steps[:len(steps)-1] {
		if node, err = find(node, step, at); err != nil {
			return err
		}
	}
	last := steps[len(steps)-1]
	if _, err := find(node, last, at); err != nil {
		return err
	}
	switch inner := (*node).(type) {
	case object:
		*node = inner.without(last)
	case []any:
		index, _ := strconv.Atoi(last) // find has read it
		*node = slices.Delete(slices.Clone(inner), index, index+1)
	}
	return nil
}

func find(node *any, step string, at place) (*any, error) {
	switch inner := (*node).(type) {
	case object:
		if i := inner.index(step); i >= 0 {
			return &inner[i].value, nil
		}
		names := make([]string, len(inner))
		for i, m := range inner {
			names[i] = m.name
		}
		return nil, at.usage("there is: "+strings.Join(names, ", "), "there is no %q", step)
	case []any:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(inner) {
			return &inner[i], nil
		}
		return nil, at.usage("count from 0", "%q is not a place in a list of %d", step, len(inner))
	}
	return nil, at.usage("end the path before it", "%q is inside a single value", step)
}
