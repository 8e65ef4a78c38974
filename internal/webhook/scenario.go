package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/payctl/payctl/internal/payment"
)

// Step is one payload of a scenario.
type Step struct {
	// Event is an event's name, a file, or a stored delivery's id.
	Event string
	Edit  Edit
	// After is how long to wait before it is sent.
	After time.Duration
}

const (
	// maxScenario bounds a scenario's file, in bytes.
	maxScenario = 1 << 20
	// mostSteps and longestAfter bound a scenario.
	mostSteps    = 1000
	longestAfter = 24 * time.Hour
)

// rawStep is a step as it is written.
type rawStep struct {
	Event   string               `yaml:"event"`
	Set     map[string]yaml.Node `yaml:"set"`
	SetJSON map[string]yaml.Node `yaml:"set_json"`
	Unset   []string             `yaml:"unset"`
	After   string               `yaml:"after"`
}

// ParseScenario reads a scenario: a YAML list of steps, each with event, and as
// wanted set (paths and values), set_json, unset and after (a wait such as 2s).
// Errors are KindUsage and name the step or the line.
func ParseScenario(text []byte) ([]Step, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var raw []rawStep
	if err := dec.Decode(&raw); err != nil && !errors.Is(err, io.EOF) {
		return nil, payment.Usage("scenario: "+payment.Line(err.Error(), 200), "write a list of steps: - event: stk.completed, set: {PATH: VALUE}, after: 2s")
	}
	if len(raw) == 0 {
		return nil, payment.Usage("scenario: has no step", "write a list of steps: - event: stk.completed")
	}
	if len(raw) > mostSteps {
		return nil, payment.Usage(fmt.Sprintf("scenario: %d steps are too many", len(raw)), "use at most "+strconv.Itoa(mostSteps))
	}
	steps := make([]Step, len(raw))
	for i, r := range raw {
		step, err := r.step()
		if err != nil {
			return nil, scenarioError(i, err)
		}
		steps[i] = step
	}
	return steps, nil
}

func scenarioError(i int, err error) error {
	var e *payment.Error
	if !errors.As(err, &e) {
		return payment.Usage(fmt.Sprintf("scenario step %d: %v", i+1, err), "see \"payctl webhook trigger --help\"")
	}
	return payment.Usage(fmt.Sprintf("scenario step %d: %s", i+1, e.Message), e.Hint)
}

func (r rawStep) step() (Step, error) {
	s := Step{Event: r.Event, Edit: Edit{Unset: r.Unset}}
	if s.Event == "" {
		return s, payment.Usage("event: is missing", "name an event, a file or a delivery's id")
	}
	if r.After != "" {
		var err error
		if s.After, err = time.ParseDuration(r.After); err != nil || s.After < 0 || s.After > longestAfter {
			return s, payment.Usage(fmt.Sprintf("after %q: is not a wait", r.After), "write a duration such as 2s, at most 24h")
		}
	}
	for path, node := range r.Set {
		if node.Kind == yaml.ScalarNode {
			s.Edit.Set = append(s.Edit.Set, path+"="+node.Value)
			continue
		}
		value, err := jsonOf(node)
		if err != nil {
			return s, payment.Usage("set "+path+": is no JSON value", "write a text, a number, a list or members")
		}
		s.Edit.SetJSON = append(s.Edit.SetJSON, path+"="+value)
	}
	for path, node := range r.SetJSON {
		value, err := jsonOf(node)
		if err != nil {
			return s, payment.Usage("set_json "+path+": is no JSON value", "write a text, a number, a list or members")
		}
		s.Edit.SetJSON = append(s.Edit.SetJSON, path+"="+value)
	}
	return s, nil
}

// jsonOf is a YAML value as JSON. A number keeps its text.
func jsonOf(node yaml.Node) (string, error) {
	if (node.Tag == "!!int" || node.Tag == "!!float") && json.Valid([]byte(node.Value)) {
		return node.Value, nil
	}
	var value any
	if err := node.Decode(&value); err != nil {
		return "", err
	}
	text, err := json.Marshal(value)
	return string(text), err
}
