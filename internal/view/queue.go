package view

import (
	"strconv"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

// Queued is a forward in the queue; its keys are the contract.
type Queued struct {
	DeliveryID string  `json:"delivery_id"`
	Target     string  `json:"target"`
	State      string  `json:"state"`
	Attempts   int     `json:"attempts"`
	LastStatus *int    `json:"last_status"`
	LastError  *string `json:"last_error"`
	NextAt     *string `json:"next_at"`
}

// NewQueued returns the view of a forward.
func NewQueued(q store.Queued) Queued {
	v := Queued{
		DeliveryID: q.DeliveryID, Target: deliver.Shown(q.Target), State: string(q.State), Attempts: q.Attempts,
		LastError: payment.OrNull(phones(q.LastError, false)),
	}
	if q.LastStatus > 0 {
		v.LastStatus = &q.LastStatus
	}
	if q.State == store.ForwardWaiting {
		v.NextAt = timing.RFC3339OrNull(q.DueAt)
	}
	return v
}

// QueueColumns head a list of forwards.
func QueueColumns() []ui.Column {
	return []ui.Column{ui.Left("DELIVERY"), ui.Flexible("TARGET"), ui.Left("STATE"), ui.Right("TRIES").Dropped(1), ui.Flexible("LAST"), ui.Left("NEXT").Dropped(2)}
}

// Cells are a forward's columns in a list.
func (v Queued) Cells() []ui.Span {
	last := payment.Or(v.LastError, "-")
	if v.LastStatus != nil {
		last = strconv.Itoa(*v.LastStatus)
	}
	state := ui.Plain(v.State)
	if v.State == string(store.ForwardDead) {
		state = ui.Bad(v.State)
	}
	return []ui.Span{
		ui.Plain(v.DeliveryID), ui.Plain(v.Target), state, ui.Plain(strconv.Itoa(v.Attempts)), ui.Plain(payment.Cut(last, shownStart)), ui.When(payment.Or(v.NextAt, "-")),
	}
}

// QueueChange is what "webhook queue drop" or "move" did; the other is null.
type QueueChange struct {
	Dropped *int `json:"dropped"`
	Moved   *int `json:"moved"`
}

// Text says what was done.
func (v QueueChange) Text(t *ui.Text) {
	if v.Dropped != nil {
		t.Linef("%d dropped", *v.Dropped)
	}
	if v.Moved != nil {
		t.Linef("%d moved; a \"payctl listen\" that was given this --forward-to sends them", *v.Moved)
	}
}
