package cli

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
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
	return v.out.One(view.JSONSchema(view.Schema(name, o.shape, o.types...)))
}

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
		"reconcile":        one[view.Reconcile](), "trace": one[view.Trace](), "stats": one[view.Stats](), "doctor": listOf[view.Finding](),
		"listen":         streamOf(reflect.TypeFor[view.Ready](), reflect.TypeFor[view.Received](), reflect.TypeFor[view.Forwarded](), reflect.TypeFor[view.Stray](), reflect.TypeFor[view.Tunnel]()),
		"webhook list":   listOf[view.Delivery](),
		"webhook show":   one[view.DeliveryDetail](),
		"webhook verify": {view.One, []reflect.Type{reflect.TypeFor[view.Verified]()}}, "webhook trigger": one[view.Shot](),
		"webhook hammer": one[view.Blow](), "webhook replay": streamOf(reflect.TypeFor[view.Replayed](), reflect.TypeFor[view.ReplaySummary](), reflect.TypeFor[view.PlannedDelivery]()),
		"webhook queue list": listOf[view.Queued](), "webhook queue drop": one[view.QueueChange](), "webhook queue move": one[view.QueueChange](),
		"explain": one[view.Explanation](), "demo": one[view.Demo](), "version": one[view.Version](), "ui": streamOf(reflect.TypeFor[view.UIReady]()),
		"config init": one[view.ProfileMade](), "config validate": one[view.ValidFile](), "config show": listOf[view.Setting](), "config explain": one[view.Setting](),
		"config path": one[view.Paths](), "config profiles": listOf[view.Profile](), "config trust": one[view.Trusted](),
		"daraja balance": query, "daraja reversal create": query, "daraja c2b register": one[view.Acceptance](), "daraja c2b simulate": one[view.Acceptance](),
		"daraja pull register": one[view.PullRegistered](), "daraja pull list": one[view.PulledList](), "daraja qr": one[view.QR](),
		"daraja ips list": listOf[view.Address](), "daraja ips check": one[view.Address](), "daraja credential encrypt": one[view.Credential](),
		"ledger info": one[view.LedgerInfo](), "ledger check": one[view.LedgerCheck](), "ledger verify": one[view.LedgerVerified](), "ledger backup": one[view.LedgerBackup](),
		"ledger restore": one[view.LedgerRestored](), "ledger prune": one[view.LedgerPruned](), "ledger migrate": one[view.LedgerMigrated](),
		"emulator": streamOf(reflect.TypeFor[view.Ready](), reflect.TypeFor[view.Exchange]()), "emulator answer": one[view.Prompt](), "emulator behaviours": listOf[view.Behaviour](),
		"emulator ca": one[view.Authority](), "emulator certificate": one[view.PEM](), "emulator clock show": one[view.Clock](), "emulator clock advance": one[view.Clock](),
		"emulator emit": one[view.Emitted](), "emulator env": one[view.Environment](), "emulator phone": streamOf(reflect.TypeFor[view.Prompt]()), "emulator statement": one[view.Statement](),
	}
}
