package view

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Shape is how a command's output is built of its objects.
type Shape uint8

// The shapes.
const (
	// One is a single object.
	One Shape = iota
	// List is an array under json, one object a line under ndjson.
	List
	// Stream is one object a line under json, too.
	Stream
)

// Schema returns the JSON Schema (2020-12) of a command's output, which holds one of the
// given types.
func Schema(command string, shape Shape, types ...reflect.Type) map[string]any {
	of := make([]any, len(types))
	for i, t := range types {
		of[i] = schemaOf(t)
	}
	item, _ := of[0].(map[string]any)
	if len(of) > 1 {
		item = map[string]any{"anyOf": of}
	}
	out := item
	if shape == List {
		out = map[string]any{"type": "array", "items": item}
	}
	out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	out["title"] = "payctl " + command
	if shape == Stream {
		out["description"] = "each line of the output"
	}
	return out
}

// schemaOf describes a type as encoding/json writes it: pointers may be null, keys without
// omitempty are always there.
func schemaOf(t reflect.Type) map[string]any {
	if t == reflect.TypeFor[json.RawMessage]() {
		return map[string]any{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return orNothing(schemaOf(t.Elem()))
	case reflect.Struct:
		properties, required := map[string]any{}, []string{}
		addFields(t, properties, &required)
		return map[string]any{"type": "object", "properties": properties, "required": required}
	case reflect.Slice, reflect.Array:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return map[string]any{"type": "integer"}
	default:
		return map[string]any{} // an interface: anything
	}
}

func orNothing(of map[string]any) map[string]any {
	if kind, ok := of["type"].(string); ok {
		of["type"] = []string{kind, "null"}
	}
	return of
}

func addFields(t reflect.Type, properties map[string]any, required *[]string) {
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-" || !field.IsExported() && !field.Anonymous:
		case field.Anonymous && name == "" && field.Type.Kind() == reflect.Struct:
			addFields(field.Type, properties, required)
		default:
			if name == "" {
				name = field.Name
			}
			properties[name] = schemaOf(field.Type)
			if !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") {
				*required = append(*required, name)
			}
		}
	}
}
