package webhook

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// Set changes values in a JSON body, each by an assignment PATH=VALUE such as
// data.amount=250.00 or Body.stkCallback.CallbackMetadata.Item.0.Value=5. A
// value keeps the type of what it replaces: text stays text, anything else is
// read as JSON. A path that does not exist is a KindUsage error that names
// where it ends and what is there; it is never ignored. The order of members
// is kept, white space is not.
func Set(body []byte, assignments []string) ([]byte, error) {
	if len(assignments) == 0 {
		return body, nil
	}
	tree, err := parseTree(body)
	if err != nil {
		return nil, payment.Usage("set: "+err.Error(), "give a JSON payload")
	}
	for _, assignment := range assignments {
		path, value, found := strings.Cut(assignment, "=")
		if !found || path == "" {
			return nil, payment.Usage(fmt.Sprintf("set %q: has no path and value", assignment), "write --set PATH=VALUE, such as --set data.amount=250.00")
		}
		if err := assign(tree, strings.Split(path, "."), value, path); err != nil {
			return nil, err
		}
	}
	return writing{}.bytes(tree), nil
}

// assign walks to the last step of the path and replaces what is there.
func assign(node any, steps []string, value, path string) error {
	place, err := find(node, steps[0], path)
	if err != nil {
		return err
	}
	if len(steps) > 1 {
		return assign(*place, steps[1:], value, path)
	}
	if _, isText := (*place).(string); isText {
		*place = value
		return nil
	}
	parsed, err := parseTree([]byte(value))
	if err != nil {
		return payment.Usage(fmt.Sprintf("set %s: %q is not JSON, and what it replaces is not text", path, value), `write a number, true, false, null, or "text" in double quotes`)
	}
	*place = parsed
	return nil
}

func find(node any, step, path string) (*any, error) {
	switch node := node.(type) {
	case object:
		if i := node.index(step); i >= 0 {
			return &node[i].value, nil
		}
		names := make([]string, len(node))
		for i, m := range node {
			names[i] = m.name
		}
		return nil, payment.Usage(fmt.Sprintf("set %s: there is no %q", path, step), "there is: "+strings.Join(names, ", "))
	case []any:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node) {
			return &node[i], nil
		}
		return nil, payment.Usage(fmt.Sprintf("set %s: %q is not a place in a list of %d", path, step, len(node)), "count from 0")
	}
	return nil, payment.Usage(fmt.Sprintf("set %s: %q is inside a single value", path, step), "end the path before it")
}
