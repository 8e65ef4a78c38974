package cli

import "github.com/spf13/cobra"

func newStatus(a *app) *cobra.Command {
	return group(a, "status", "Follow deposits or ask how they stand",
		`Follows deposits to their end, or asks the provider once. Any identifier is
accepted: local id, reference, CheckoutRequestID, MerchantRequestID, WasaaPay
deposit id, receipt. An id that the ledger does not know is taken as the
provider's own when --provider is given.`,
		command{"watch", newStatusWatch}, command{"get", newStatusGet})
}
