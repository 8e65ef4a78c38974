package cli

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/filter"
)

// filterHelp explains --filter in the help of the commands that have it.
func filterHelp[F any]() string {
	return "--filter takes an expression over these fields:\n\n  " + strings.Join(wrapped(strings.Join(filter.Fields[F](), ", "), 86), "\n  ") + `

such as 'status == "COMPLETED" && amount >= 1000 && time > now() - duration("2h")', with
the operators == != < > && || not, in, contains, startsWith and matches.`
}

func bindFilter(f *pflag.FlagSet, into *string) {
	f.StringVar(into, "filter", "", "only what this `EXPR` holds for, such as 'amount >= 1000'")
}
