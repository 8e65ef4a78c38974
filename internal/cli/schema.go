package cli

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// schemaVerb is "payctl schema".
type schemaVerb struct {
	*env
	command string
}

func newSchema(s *session) *cobra.Command {
	v := &schemaVerb{env: s.env}
	return &cobra.Command{
		Use:   "schema COMMAND",
		Short: "Print the JSON Schema of a command's output",
		Long: `Prints the JSON Schema (2020-12) of what a command prints under -o json. Where it
prints one object a line, the schema is that of each line. Keys may be added in later
versions, and are never changed or taken away.`,
		Example: "  payctl schema deposit get\n  payctl schema listen > listen.schema.json",
		Args: func(_ *cobra.Command, args []string) error {
			v.command = strings.Join(args, " ")
			if v.command == "" {
				return usagef("name a command, such as payctl schema deposit get", "COMMAND is missing")
			}
			return nil
		},
		RunE: s.quick(v.Run),
	}
}

// Run prints the schema.
func (v *schemaVerb) Run(context.Context) error {
	name := strings.Join(strings.Fields(strings.TrimPrefix(v.command, "payctl ")), " ")
	known := outputs()
	o, found := known[name]
	if !found {
		return usagef(guess("payctl schema", name, slices.Sorted(maps.Keys(known)), "commands with a schema: "+strings.Join(slices.Sorted(maps.Keys(known)), ", ")),
			"schema: no command %q prints JSON of its own", payment.Line(name, 60))
	}
	return v.out.One(schemaView(view.Schema(name, o.shape, o.types...)))
}

// schemaView is a schema as it is printed.
type schemaView map[string]any

// Text prints it for people as it is for programs: it has no other form.
func (v schemaView) Text(t *ui.Text) { t.JSON(map[string]any(v)) }

// output is what a command prints.
type output struct {
	shape view.Shape
	types []reflect.Type
}

func one[T any]() output    { return output{view.One, []reflect.Type{reflect.TypeFor[T]()}} }
func listOf[T any]() output { return output{view.List, []reflect.Type{reflect.TypeFor[T]()}} }

func streamOf(types ...reflect.Type) output { return output{view.Stream, types} }

// outputs is what each command prints, by its path. A test holds it against the tree.
func outputs() map[string]output {
	deposit := one[view.Deposit]()
	query := one[view.Query]()
	return map[string]output{
		"deposit create": {view.One, []reflect.Type{reflect.TypeFor[view.Deposit](), reflect.TypeFor[view.PlanRow](), reflect.TypeFor[view.PlanSum]()}},
		"deposit get":    deposit, "deposit list": listOf[view.Deposit](), "deposit resolve": listOf[view.Resolved](),
		"status get": deposit, "status watch": streamOf(reflect.TypeFor[view.Deposit]()),
		"transaction status": query, "transaction get": query,
		"transaction list": {view.List, []reflect.Type{reflect.TypeFor[view.Query](), reflect.TypeFor[view.WalletTransaction]()}},
		"reconcile":        one[view.Reconcile](), "trace": one[view.Trace](), "stats": one[view.Stats](), "doctor": listOf[findingView](),
		"listen":         streamOf(reflect.TypeFor[readyView](), reflect.TypeFor[view.Received](), reflect.TypeFor[view.Forwarded](), reflect.TypeFor[view.Stray](), reflect.TypeFor[tunnelView]()),
		"webhook list":   listOf[view.Delivery](),
		"webhook show":   one[view.DeliveryDetail](),
		"webhook verify": {view.One, []reflect.Type{reflect.TypeFor[verdictView]()}}, "webhook trigger": one[view.Shot](),
		"webhook hammer": one[view.Blow](), "webhook replay": streamOf(reflect.TypeFor[view.Replayed](), reflect.TypeFor[view.ReplaySummary](), reflect.TypeFor[view.PlannedDelivery]()),
		"webhook queue list": listOf[view.Queued](), "webhook queue drop": one[view.QueueChange](), "webhook queue move": one[view.QueueChange](),
		"explain": one[view.Explanation](), "demo": one[demoView](), "version": one[versionView](), "ui": streamOf(reflect.TypeFor[uiReady]()),
		"config init": one[initView](), "config validate": one[validView](), "config show": listOf[settingView](), "config explain": one[settingView](),
		"config path": one[pathsView](), "config profiles": listOf[profileView](), "config trust": one[trustView](),
		"daraja balance": query, "daraja reversal create": query, "daraja c2b register": one[acceptanceView](), "daraja c2b simulate": one[acceptanceView](),
		"daraja pull register": one[pullRegisteredView](), "daraja pull list": one[pulledList](), "daraja qr": one[qrView](),
		"daraja ips list": listOf[addressView](), "daraja ips check": one[addressView](), "daraja credential encrypt": one[credentialView](),
		"ledger info": one[ledgerInfoView](), "ledger check": one[ledgerCheckView](), "ledger verify": one[ledgerVerifyView](), "ledger backup": one[backupView](),
		"ledger restore": one[restoredView](), "ledger prune": one[prunedView](), "ledger migrate": one[migratedView](),
		"emulator": streamOf(reflect.TypeFor[readyView](), reflect.TypeFor[exchangeView]()), "emulator answer": one[promptView](), "emulator behaviours": listOf[behaviourView](),
		"emulator ca": one[caView](), "emulator certificate": one[pemView](), "emulator clock show": one[clockView](), "emulator clock advance": one[clockView](),
		"emulator emit": one[emittedView](), "emulator env": one[envView](), "emulator phone": streamOf(reflect.TypeFor[promptView]()), "emulator statement": one[statementView](),
	}
}
