package filter

import (
	"errors"
	"reflect"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/payctl/payctl/internal/payment"
)

// filter is a compiled --Filter over fields of one sort; nil lets all pass.
type filter[F any] struct{ program *vm.Program }

// visitor visits the nodes of an expression.
type visitor func(ast.Node)

// Visit implements ast.Visitor.
func (v visitor) Visit(node *ast.Node) { v(*node) }

// maxNodes bounds how large an expression may be.
const maxNodes = 1000

// parse compiles an expression. An error is KindUsage: its message names
// the place, its hint shows it.
func parse[F any](text string) (*filter[F], error) {
	if text == "" {
		return nil, nil // no filter is a filter that lets all pass
	}
	var fields F
	program, err := expr.Compile(text, expr.Env(fields), expr.AsBool(), expr.MaxNodes(maxNodes))
	if tree, broken := parser.Parse(text); broken == nil && err == nil {
		node := tree.Node
		loops := false
		ast.Walk(&node, visitor(func(n ast.Node) {
			_, loop := n.(*ast.PredicateNode)
			loops = loops || loop
		}))
		if loops { // there is nothing to go over, and one loop in another would never end
			return nil, payment.Usagef("compare fields, such as amount >= 1000", "filter %q: goes over a list, which no item has", text)
		}
	}
	if err == nil {
		return &filter[F]{program}, nil
	}
	fieldsHint := "fields: " + strings.Join(Fields[F](), ", ")
	var at *file.Error
	if !errors.As(err, &at) || at.Line == 0 {
		return nil, payment.Usagef("compare something, such as amount >= 1000\n"+fieldsHint, "filter %q: is not a condition: %s", text, payment.FirstLine(err.Error()))
	}
	line := strings.Split(text, "\n")[min(at.Line-1, strings.Count(text, "\n"))]
	return nil, payment.Usagef("  "+strings.ReplaceAll(line, "\t", " ")+"\n  "+strings.Repeat(" ", at.Column)+"^\n"+fieldsHint,
		"filter: column %d: %s", at.Column+1, payment.FirstLine(at.Message))
}

// keeps reports whether the expression holds. An error is KindUsage: the
// expression divides by nothing, say, or asks for too much memory.
func (f *filter[F]) keeps(fields F) (bool, error) {
	if f == nil {
		return true, nil
	}
	result, err := expr.Run(f.program, fields)
	if err != nil {
		return false, payment.Usagef("see that it can be answered for every item", "filter: %s", payment.FirstLine(err.Error()))
	}
	holds, _ := result.(bool)
	return holds, nil
}

// Fields are the names that an expression may use.
func Fields[F any]() []string {
	fields := reflect.TypeFor[F]()
	names := make([]string, fields.NumField())
	for i := range names {
		names[i] = fields.Field(i).Tag.Get("expr")
	}
	return names
}
