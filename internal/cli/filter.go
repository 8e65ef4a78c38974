package cli

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/listen"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/view"
)

// deliveryFields are what --filter sees of a delivery.
type deliveryFields struct {
	ID       string `expr:"id"`
	Provider string `expr:"provider"`
	Event    string `expr:"event"`
	Verdict  string `expr:"verdict"`
	Status   string `expr:"status"`
	// Amount is in whole units with their fraction. A float holds any number of
	// cents that a provider can send exactly enough: the quotient is the float
	// nearest to the decimal, which is also what the same decimal in an
	// expression is read as. It is NaN where there is none, so that no
	// comparison holds.
	Amount     float64   `expr:"amount"`
	Currency   string    `expr:"currency"`
	Reference  string    `expr:"reference"`
	Receipt    string    `expr:"receipt"`
	ProviderID string    `expr:"provider_id"`
	DepositID  string    `expr:"deposit_id"`
	Duplicate  bool      `expr:"duplicate"`
	Time       time.Time `expr:"time"`
	ReceivedAt time.Time `expr:"received_at"`
}

// depositFields are what --filter sees of a deposit.
type depositFields struct {
	ID          string    `expr:"id"`
	DepositID   string    `expr:"deposit_id"`
	Provider    string    `expr:"provider"`
	Environment string    `expr:"environment"`
	Status      string    `expr:"status"`
	Amount      float64   `expr:"amount"`
	Currency    string    `expr:"currency"`
	Reference   string    `expr:"reference"`
	Receipt     string    `expr:"receipt"`
	ProviderID  string    `expr:"provider_id"`
	FailureCode string    `expr:"failure_code"`
	DecidedBy   string    `expr:"decided_by"`
	Time        time.Time `expr:"time"`
	CreatedAt   time.Time `expr:"created_at"`
	UpdatedAt   time.Time `expr:"updated_at"`
}

// filterHelp explains --filter in the help of the commands that have it.
func filterHelp[F any]() string {
	return "--filter takes an expression over these fields:\n\n  " + strings.Join(wrapped(strings.Join(fieldNames[F](), ", "), 86), "\n  ") + `

such as 'status == "COMPLETED" && amount >= 1000 && time > now() - duration("2h")', with
the operators == != < > && || not, in, contains, startsWith and matches.`
}

func bindFilter(f *pflag.FlagSet, into *string) {
	f.StringVar(into, "filter", "", "only what this `EXPR` holds for, such as 'amount >= 1000'")
}

// filter is a compiled --filter over fields of one sort; nil lets all pass.
type filter[F any] struct{ program *vm.Program }

// visitor visits the nodes of an expression.
type visitor func(ast.Node)

// Visit implements ast.Visitor.
func (v visitor) Visit(node *ast.Node) { v(*node) }

// maxFilterNodes bounds how large an expression may be.
const maxFilterNodes = 1000

// parseFilter compiles an expression. An error is KindUsage: its message names
// the place, its hint shows it.
func parseFilter[F any](text string) (*filter[F], error) {
	if text == "" {
		return nil, nil // no filter is a filter that lets all pass
	}
	var fields F
	program, err := expr.Compile(text, expr.Env(fields), expr.AsBool(), expr.MaxNodes(maxFilterNodes))
	if tree, broken := parser.Parse(text); broken == nil && err == nil {
		node := tree.Node
		loops := false
		ast.Walk(&node, visitor(func(n ast.Node) {
			_, loop := n.(*ast.PredicateNode)
			loops = loops || loop
		}))
		if loops { // there is nothing to go over, and one loop in another would never end
			return nil, usagef("compare fields, such as amount >= 1000", "filter %q: goes over a list, which no item has", text)
		}
	}
	if err == nil {
		return &filter[F]{program}, nil
	}
	fieldsHint := "fields: " + strings.Join(fieldNames[F](), ", ")
	var at *file.Error
	if !errors.As(err, &at) || at.Line == 0 {
		return nil, usagef("compare something, such as amount >= 1000\n"+fieldsHint, "filter %q: is not a condition: %s", text, firstLine(err.Error()))
	}
	line := strings.Split(text, "\n")[min(at.Line-1, strings.Count(text, "\n"))]
	return nil, usagef("  "+strings.ReplaceAll(line, "\t", " ")+"\n  "+strings.Repeat(" ", at.Column)+"^\n"+fieldsHint,
		"filter: column %d: %s", at.Column+1, firstLine(at.Message))
}

// keeps tells whether the expression holds. An error is KindUsage: the
// expression divides by nothing, say, or asks for too much memory.
func (f *filter[F]) keeps(fields F) (bool, error) {
	if f == nil {
		return true, nil
	}
	result, err := expr.Run(f.program, fields)
	if err != nil {
		return false, usagef("see that it can be answered for every item", "filter: %s", firstLine(err.Error()))
	}
	holds, _ := result.(bool)
	return holds, nil
}

// keepsDelivery tells whether the expression holds for a stored delivery.
func keepsDelivery(f *filter[deliveryFields], d store.StoredDelivery) (bool, error) {
	if f == nil {
		return true, nil
	}
	return f.keeps(fieldsOfDelivery(d))
}

func fieldNames[F any]() []string {
	fields := reflect.TypeFor[F]()
	names := make([]string, fields.NumField())
	for i := range names {
		names[i] = fields.Field(i).Tag.Get("expr")
	}
	return names
}

func filterAmount(a payment.Amount) float64 {
	if !a.HasValue() {
		return math.NaN()
	}
	return float64(a.Minor()) / 100
}

func fieldsOfDelivery(d store.StoredDelivery) deliveryFields {
	f := deliveryFields{
		ID: d.ID, Provider: string(d.Provider), Verdict: string(d.Verdict), DepositID: d.DepositID, Duplicate: d.DuplicateOf != "",
		Amount: math.NaN(), Time: d.ReceivedAt, ReceivedAt: d.ReceivedAt,
	}
	if e := d.Event; e != nil {
		f.Event, f.Status, f.Amount, f.Currency = e.Name, string(e.Status), filterAmount(e.Amount), string(e.Amount.Currency())
		f.Reference, f.Receipt, f.ProviderID = e.Reference, e.Receipt, e.ProviderID
	}
	return f
}

func fieldsOfReceived(v listen.DeliveryView) deliveryFields {
	return deliveryFields{
		ID: v.ID, Provider: string(v.Provider), Event: v.Event, Verdict: string(v.Verdict), Status: string(v.Status),
		Amount: filterAmount(v.Amount), Currency: string(v.Amount.Currency()), Reference: v.Reference, Receipt: v.Receipt,
		ProviderID: v.ProviderID, DepositID: v.DepositID, Duplicate: v.Duplicate, Time: v.ReceivedAt, ReceivedAt: v.ReceivedAt,
	}
}

func fieldsOfDeposit(d payment.Deposit) depositFields {
	f := depositFields{
		ID: d.ID, DepositID: d.ID, Provider: string(d.Provider), Environment: string(d.Environment), Status: string(d.Status),
		Amount: filterAmount(d.Amount), Currency: string(d.Amount.Currency()), Reference: d.Reference, Receipt: d.Receipt,
		ProviderID: d.ProviderID, DecidedBy: view.DecidedBy(d.DecidedBy), Time: d.CreatedAt, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
	if d.Failure != nil {
		f.FailureCode = d.Failure.Code
	}
	return f
}
