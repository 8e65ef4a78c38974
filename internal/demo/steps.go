package demo

import (
	"github.com/payctl/payctl/internal/payment"
)

// step is one command of the tour and what it must come to.
type step struct {
	title string
	// before are commands that prepare it; on a terminal their talk is seen.
	before [][]string
	args   []string
	// from are commands whose output goes into the next, and the last into this one.
	from [][]string
	// fails is the kind of error that it must end with; KindInternal stands for none.
	fails payment.Kind
	// check reads the command's JSON and says what came, and whether it is right.
	check func(got map[string]any) (string, bool)
}

func steps() []step {
	create := func(phone, reference string) []string {
		return []string{"deposit", "create", "--phone", phone, "--amount", "100", "--reference", reference, "--wait"}
	}
	return []step{
		{
			title: "A customer pays: the callback brings amount and receipt",
			args:  create("0712345678", "INV-1"), check: paid,
		},
		{
			title: "A customer cancels the prompt: declined, 1032",
			args:  create("0712345601", "INV-2"), fails: payment.KindDeclined, check: failed("1032"),
		},
		{
			title: "A customer never answers: unreachable, 1037",
			args:  create("0712345602", "INV-3"), fails: payment.KindDeclined, check: failed("1037"),
		},
		{
			title: "The callback overtakes the push's own answer",
			args:  create("0712345605", "INV-4"), check: paid,
		},
		{
			title:  "A callback for a payment that nobody asked for is kept, and not believed",
			before: [][]string{{"webhook", "trigger", "stk.completed", "--to", "${PAYCTL_CALLBACK_URL}"}},
			args:   []string{"webhook", "list", "--verdict", "untrusted", "--jq", ".[0]"}, check: is("verdict", "untrusted"),
		},
		{
			title: "A callback is lost: the poll settles it, without the receipt",
			before: [][]string{
				{"emulator", "behaviours", "--unset", "query-noise"},
				{"deposit", "create", "--phone", "0712345640", "--amount", "100", "--reference", "INV-5"},
				{"status", "watch", "INV-5"},
			},
			args: []string{"deposit", "get", "INV-5"}, check: polled,
		},
		{
			title: "Everything is in the ledger, by any of its identifiers",
			args:  []string{"deposit", "get", "INV-1"}, check: paid,
		},
		{
			title: "Daraja's own word on the receipt, by transaction status",
			args:  []string{"transaction", "status", "${DEMO_RECEIPT}"},
			check: is("transaction_status", "Completed"),
		},
		{
			title: "A WasaaPay webhook is made, signed and verified",
			from:  [][]string{{"webhook", "trigger", "deposit.completed", "--print"}},
			args:  []string{"webhook", "verify"}, check: is("verdict", "valid"),
		},
		{
			title: "A signature over sorted keys is caught, and the mistake is named",
			from:  [][]string{{"webhook", "trigger", "deposit.completed", "--print"}, {"webhook", "sign", "--wrong", "sorted-keys"}},
			args:  []string{"webhook", "verify", "--explain"}, fails: payment.KindBadSignature, check: is("verdict", "mismatch"),
		},
	}
}

func paid(got map[string]any) (string, bool) {
	receipt, hasReceipt := got["receipt"].(string)
	amount, _ := got["amount"].(string)
	status, _ := got["status"].(string)
	return status + " " + amount + " KES, receipt " + receipt, status == string(payment.StatusCompleted) && amount == "100.00" && hasReceipt
}

// polled wants a payment that only the poll can have told of.
func polled(got map[string]any) (string, bool) {
	by, _ := got["decided_by"].(string)
	status, _ := got["status"].(string)
	return status + ", decided by " + by, status == string(payment.StatusCompleted) && by == "poll" && got["receipt"] == nil
}

// is holds one member against a text.
func is(member, want string) func(map[string]any) (string, bool) {
	return func(got map[string]any) (string, bool) {
		text, _ := got[member].(string)
		outcome := text
		if reason, hasReason := got["reason"].(string); hasReason {
			outcome += ": " + reason
		}
		return outcome, text == want
	}
}

func failed(code string) func(map[string]any) (string, bool) {
	return func(got map[string]any) (string, bool) {
		status, _ := got["status"].(string)
		failure, _ := got["failure"].(map[string]any)
		gotCode, _ := failure["code"].(string)
		reason, _ := failure["reason"].(string)
		return status + " " + gotCode + " " + reason, status == string(payment.StatusFailed) && gotCode == code
	}
}
