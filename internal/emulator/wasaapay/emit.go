package wasaapay

import (
	"fmt"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/payment"
)

// EventRequest asks for an event of what the emulator does not play: withdrawals, bills, and transfers that nobody made.
type EventRequest struct {
	// Event is one of EmittedEvents; a colon is taken for a dot.
	Event string `json:"event"`
	// ID is the resource's; empty makes a new one. Events with one ID are of one resource.
	ID string `json:"id"`
	// Amount is a decimal text, 250.00 when empty.
	Amount string `json:"amount"`
	// Reference is the partner's own, the externalReference.
	Reference string `json:"reference"`
}

// EmittedEvent is an event that was made.
type EmittedEvent struct {
	Event     string  `json:"event"`
	ID        string  `json:"id"`
	Reference string  `json:"reference"`
	External  *string `json:"external_reference"`
	Amount    string  `json:"amount"`
	Currency  string  `json:"currency"`
	Status    string  `json:"status"`
	// Target is where the webhook goes.
	Target string `json:"target"`
	// Sockets is how many clients had subscribed to the resource.
	Sockets int `json:"sockets"`
}

// EmittedEvents are the events that can be asked for (reference/wasaapay.md §11.3).
func EmittedEvents() []string {
	return []string{
		"withdrawal.initiated", "withdrawal.completed", "withdrawal.failed",
		"transfer.completed", "transfer.failed",
		"bill.initiated", "bill.completed", "bill.failed",
	}
}

// Emit makes an event: a webhook, and the same on the socket to whoever subscribed to the resource. No money moves. Its
// data holds the common fields, since these families are not documented (payctl convention, §11.3). The lock is held.
func (a *api) Emit(want EventRequest) (EmittedEvent, error) {
	name := strings.Replace(want.Event, ":", ".", 1)
	if !slices.Contains(EmittedEvents(), name) {
		return EmittedEvent{}, fmt.Errorf("event %q cannot be made%s", want.Event, engine.Suggest(want.Event, EmittedEvents()))
	}
	amount := "250.00"
	if want.Amount != "" {
		cents, ok := parseAmount(want.Amount)
		if !ok {
			return EmittedEvent{}, fmt.Errorf("amount %q is not a positive decimal such as 250.00", want.Amount)
		}
		amount = cents.Decimal()
	}
	if len(want.ID) > maxSubject || len(want.Reference) > maxKey {
		return EmittedEvent{}, fmt.Errorf("the id holds at most %d characters and the reference %d", maxSubject, maxKey)
	}
	family, step, _ := strings.Cut(name, ".")
	id, reference := eventID(a.e.IDs, family, want.ID, a.e.Now())
	status, reason := statusPending, ""
	switch step {
	case "completed":
		status = statusCompleted
	case "failed":
		status, reason = statusFailed, "The request failed."
	}
	about := topic{family, id}
	made := EmittedEvent{
		Event: name, ID: id, Reference: reference, External: payment.OrNull(want.Reference), Amount: amount, Currency: "KES",
		Status: status, Target: a.webhooks.url, Sockets: a.sock.listeners(about),
	}
	members := []string{
		"reference", reference, "externalReference", want.Reference, "amount", amount, "currency", "KES", "status", status, "failureReason", reason,
	}
	a.webhooks.send(a.webhooks.make(name, textMembers(append([]string{family + "Id", id}, members...)...), id), 0)
	a.sock.tell(about, step, textMembers(append([]string{"id", id}, members...)...), 0)
	a.e.Touch()
	return made, nil
}
