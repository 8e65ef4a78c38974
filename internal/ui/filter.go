package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/itchyny/gojq"
)

// filter turns one JSON document into what is printed, line end included.
// pretty asks for a layout for the eye.
type filter func(ctx context.Context, document []byte, pretty bool) ([]byte, error)

// FilterError says that --jq or --template could not be applied to a document:
// a mistake in the expression (usage).
type FilterError struct{ err error }

// Error names the flag and the problem.
func (e *FilterError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *FilterError) Unwrap() error { return e.err }

func newFilter(jq, text string) (filter, error) {
	switch {
	case jq != "" && text != "":
		return nil, errors.New("--jq and --template: only one of them can be used")
	case jq != "":
		return newJQ(jq)
	case text != "":
		return newTemplate(text)
	}
	return nil, nil
}

func newJQ(expression string) (filter, error) {
	query, err := gojq.Parse(expression)
	if err != nil {
		if at, ok := errors.AsType[*gojq.ParseError](err); ok {
			return nil, fmt.Errorf("--jq: %s at character %d", Safe(err.Error()), max(at.Offset-len(at.Token)+1, 1))
		}
		return nil, fmt.Errorf("--jq: %s", Safe(err.Error()))
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return nil, fmt.Errorf("--jq: %s", Safe(err.Error()))
	}
	return func(ctx context.Context, document []byte, pretty bool) ([]byte, error) {
		input, err := decode(document)
		if err != nil {
			return nil, err
		}
		return runJQ(ctx, code, input, pretty)
	}, nil
}

// runJQ prints each result on a line: strings raw, null as an empty line,
// everything else as JSON.
func runJQ(ctx context.Context, code *gojq.Code, input any, pretty bool) ([]byte, error) {
	var out bytes.Buffer
	for results := code.RunWithContext(ctx, input); ; {
		result, ok := results.Next()
		if !ok {
			return out.Bytes(), nil
		}
		switch v := result.(type) {
		case error:
			var halt *gojq.HaltError
			if errors.As(v, &halt) && halt.Value() == nil {
				return out.Bytes(), nil
			}
			return nil, fmt.Errorf("--jq: %s", Safe(v.Error()))
		case nil:
		case string:
			out.WriteString(v)
		default:
			data, err := gojq.Marshal(v)
			if err != nil {
				return nil, fmt.Errorf("--jq: %s", Safe(err.Error()))
			}
			if pretty {
				data = indent(data)
			}
			out.Write(escapeControls(data))
		}
		out.WriteByte('\n')
	}
}

func newTemplate(text string) (filter, error) {
	t, err := template.New("template").Option("missingkey=error").Funcs(templateFuncs()).Parse(text)
	if err != nil {
		return nil, templateError(err)
	}
	return func(ctx context.Context, document []byte, _ bool) ([]byte, error) {
		input, err := decode(document)
		if err != nil {
			return nil, err
		}
		out := endingBuffer{ctx: ctx}
		if err := t.Execute(&out, withoutNull(input)); err != nil {
			return nil, templateError(err)
		}
		if b := out.Bytes(); len(b) > 0 && b[len(b)-1] != '\n' {
			out.WriteByte('\n')
		}
		return out.Bytes(), nil
	}, nil
}

// endingBuffer takes what a template writes until ctx ends.
type endingBuffer struct {
	bytes.Buffer
	ctx context.Context
}

// Write implements io.Writer.
func (b *endingBuffer) Write(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.Buffer.Write(p)
}

// templateError keeps text/template's own line and column.
func templateError(err error) error {
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "template: "), "template:")
	return fmt.Errorf("--template: %s", Safe(text))
}

func templateFuncs() template.FuncMap {
	return template.FuncMap{
		"json": func(v any) (string, error) {
			data, err := encode(v)
			return string(data), err
		},
		"join": func(separator string, items []any) string {
			parts := make([]string, len(items))
			for i, item := range items {
				parts[i] = fmt.Sprint(item)
			}
			return strings.Join(parts, separator)
		},
		"pluck": func(key string, items []any) []any {
			var out []any
			for _, item := range items {
				if object, ok := item.(map[string]any); ok {
					out = append(out, object[key])
				}
			}
			return out
		},
		"upper": strings.ToUpper,
		"lower": strings.ToLower,
		"truncate": func(most int, text string) string {
			return cut(text, most)
		},
		"timefmt": func(layout, text string) (string, error) {
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return "", errors.New("not an RFC 3339 time")
			}
			return at.Format(layout), nil
		},
	}
}

// decode keeps numbers as they are written.
func decode(document []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("reading the document back: %w", err)
	}
	return v, nil
}

// withoutNull makes null the empty string: a template would print "<no value>".
func withoutNull(v any) any {
	switch v := v.(type) {
	case nil:
		return ""
	case map[string]any:
		for key, value := range v {
			v[key] = withoutNull(value)
		}
	case []any:
		for i, value := range v {
			v[i] = withoutNull(value)
		}
	}
	return v
}
