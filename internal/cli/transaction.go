package cli

import (
	"github.com/spf13/cobra"
)

func newTransaction(s *session) *cobra.Command {
	return group(s, "transaction", "Ask M-PESA what became of a transaction",
		`Sends Daraja's Transaction Status query and waits for the result, which comes by
callback. Every query is kept in the ledger, beside those of "payctl daraja balance"
and "payctl daraja reversal": "list" and "get" read them.`,
		command{"status", newTransactionStatus}, command{"list", newTransactionList}, command{"get", newTransactionGet})
}
