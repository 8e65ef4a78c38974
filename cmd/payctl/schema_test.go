package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// conforms COMMAND... holds what the last program printed against "payctl schema COMMAND":
// types, keys that must be there, and none beside them.
func cmdConforms(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: conforms command")
	}
	printed := ts.ReadFile("stdout")
	ts.Check(ts.Exec("payctl", append([]string{"schema", "-o", "json"}, args...)...))
	var schema map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &schema))
	documents := 0
	for dec := json.NewDecoder(strings.NewReader(printed)); dec.More(); documents++ {
		var got any
		ts.Check(dec.Decode(&got))
		if problem := against(schema, got, "$"); problem != "" {
			ts.Fatalf("%s: %s", strings.Join(args, " "), problem)
		}
	}
	if documents == 0 {
		ts.Fatalf("nothing was printed")
	}
}

// against returns what of a value is not as its schema says, "" for nothing.
func against(schema map[string]any, got any, at string) string {
	if choices, several := schema["anyOf"].([]any); several {
		problems := []string{}
		for _, choice := range choices {
			one, _ := choice.(map[string]any)
			problem := against(one, got, at)
			if problem == "" {
				return ""
			}
			problems = append(problems, problem)
		}
		return strings.Join(problems, "; or ")
	}
	types := []any{schema["type"]}
	if several, ok := schema["type"].([]any); ok {
		types = several
	}
	kind := map[bool]string{true: "null"}[got == nil]
	switch v := got.(type) {
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case float64:
		kind = "number"
		if slices.Contains(types, any("integer")) && v == float64(int64(v)) {
			kind = "integer"
		}
	case []any:
		kind = "array"
		items, _ := schema["items"].(map[string]any)
		for i, item := range v {
			if problem := against(items, item, fmt.Sprintf("%s[%d]", at, i)); problem != "" {
				return problem
			}
		}
	case map[string]any:
		kind = "object"
		if problem := membersAgainst(schema, v, at); problem != "" {
			return problem
		}
	}
	if types[0] != nil && !slices.Contains(types, any(kind)) {
		return fmt.Sprintf("%s is %s, want %v", at, kind, types)
	}
	return ""
}

func membersAgainst(schema, got map[string]any, at string) string {
	properties, closed := schema["properties"].(map[string]any)
	if !closed {
		return ""
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, there := got[name.(string)]; !there {
			return fmt.Sprintf("%s lacks %s", at, name)
		}
	}
	for name, value := range got {
		property, known := properties[name].(map[string]any)
		if !known {
			return fmt.Sprintf("%s has %s, which the schema does not", at, name)
		}
		if problem := against(property, value, at+"."+name); problem != "" {
			return problem
		}
	}
	return ""
}
