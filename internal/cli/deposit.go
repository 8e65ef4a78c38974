package cli

import "github.com/spf13/cobra"

func newDeposit(a *app) *cobra.Command {
	return group(a, "deposit", "Ask for money and read what was asked",
		`A deposit is money asked from a customer: a Daraja STK push or a WasaaPay M-Pesa
deposit. Each is recorded in the ledger before its request is sent, so a killed
process or a lost answer leaves an UNKNOWN deposit, never a forgotten one.`,
		command{"create", newDepositCreate}, command{"get", newDepositGet}, command{"list", newDepositList})
}
