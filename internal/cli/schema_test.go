package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command that prints JSON has a schema, and every schema is of a command.
func TestEveryOutputHasASchema(t *testing.T) {
	t.Parallel()
	known := outputs()
	// What these print is no JSON of their own.
	without := []string{"schema", "webhook sign", "ledger copy"}
	walk(tree(), func(cmd *cobra.Command) {
		path := strings.TrimPrefix(cmd.CommandPath(), "payctl ")
		_, has := known[path]
		delete(known, path)
		if generated(cmd) || cmd.IsAdditionalHelpTopicCommand() || cmd.HasSubCommands() || slices.Contains(without, path) {
			return
		}
		if !has {
			t.Errorf("%s has no schema", path)
		}
	})
	for path := range known {
		t.Errorf("schema of %q, which is no command", path)
	}
}
