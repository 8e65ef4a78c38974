package wasaapay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
)

const (
	// stateFailed is the one state that hints at no deposit under way.
	stateFailed = "FAILED"
	// maxHintDepth bounds how deep a hint is looked for.
	maxHintDepth = 8

	nameTwice = "the answer has a name twice in one object"
)

// hints reports whether an answer speaks of a deposit that has not failed,
// wherever that stands: as its data, in a list, beside an error. No error shape
// of the vendor's is known (reference/wasaapay.md §5), and a refusal that hints
// at a deposit may follow a prompt. What is found here decides nothing.
func hints(body []byte, status int) bool {
	root := object(body)
	if root == nil {
		return hinted(body, true, "", maxHintDepth)
	}
	if state := text(root["status"]); state != "" && !speaksOfRequest(state, status) && state != stateFailed {
		return true
	}
	delete(root, "status")
	return memberHints(root, true, "", maxHintDepth)
}

// hinted is hints for one value. place says that it is where a deposit stands,
// so that an id or a status is the deposit's; state is what is said of it around.
func hinted(raw json.RawMessage, place bool, state string, depth int) bool {
	if depth == 0 || len(raw) == 0 || raw[0] != '{' && raw[0] != '[' {
		return false
	}
	if m := object(raw); m != nil {
		return memberHints(m, place, state, depth)
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return false
	}
	for _, item := range list {
		if hinted(item, place, state, depth-1) {
			return true
		}
	}
	return false
}

func memberHints(m jsonObject, place bool, state string, depth int) bool {
	id := text(m["depositId"])
	if place {
		id = cmp.Or(id, text(m["id"]))
		state = cmp.Or(text(m["status"]), text(object(m["deposit"])["status"]), state)
	}
	if state != stateFailed && (id != "" || place && state != "") {
		return true
	}
	for name, value := range m {
		if hinted(value, name == "data" || name == "deposit", state, depth-1) {
			return true
		}
	}
	return false
}

// speaksOfRequest tells a status that is the request's own from a deposit's:
// many APIs repeat the HTTP status there, or say "error".
func speaksOfRequest(state string, status int) bool {
	word := strings.ToLower(strings.NewReplacer("_", " ", "-", " ").Replace(state))
	switch word {
	case "error", "fail", "failed", "failure":
		return true
	}
	return strings.Trim(state, "0123456789") == "" || word == strings.ToLower(http.StatusText(status))
}

// hasNameTwice reports whether a name stands twice in one object of a valid JSON
// text: whichever of the two a reader believes, another believes the other.
func hasNameTwice(body []byte) bool {
	type level struct {
		names map[string]bool // nil in an array
		value bool            // what comes next is a member's value
	}
	var stack []level
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if at := len(stack) - 1; at >= 0 && stack[at].names != nil {
			if name, ok := token.(string); ok && !stack[at].value {
				if stack[at].names[name] {
					return true
				}
				stack[at].names[name], stack[at].value = true, true
				continue
			}
			stack[at].value = false
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{names: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}
