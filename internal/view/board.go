package view

import (
	"fmt"
	"slices"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// Board is what "status watch --all" shows on a terminal while it follows.
type Board struct {
	Pace Pace
	// Selected is the row that the keys are about.
	Selected int
	// Said is the last thing that was said.
	Said string
	// ShowPhone shows whole phone numbers.
	ShowPhone bool

	rows []boardRow
}

// boardRow is a deposit and the last note about it.
type boardRow struct {
	deposit payment.Deposit
	note    string
}

// Set takes in how a deposit stands, and what is noted of it, "" for nothing new.
func (b *Board) Set(d payment.Deposit, note string) {
	key := keyOf(d)
	i := slices.IndexFunc(b.rows, func(r boardRow) bool {
		return keyOf(r.deposit) == key || r.deposit.ID == "" && r.deposit.ProviderID == d.ProviderID
	})
	if i < 0 {
		b.rows = append(b.rows, boardRow{deposit: d})
		i = len(b.rows) - 1
	}
	b.rows[i].deposit = d
	if note != "" {
		b.rows[i].note = note
	}
}

func keyOf(d payment.Deposit) string {
	if d.ID != "" {
		return d.ID
	}
	return d.ProviderID
}

// Move selects another row.
func (b *Board) Move(by int) { b.Selected = max(min(b.Selected+by, len(b.rows)-1), 0) }

// Chosen is the selected deposit; false where there is none.
func (b *Board) Chosen() (payment.Deposit, bool) {
	if b.Selected >= len(b.rows) {
		return payment.Deposit{}, false
	}
	return b.rows[b.Selected].deposit, true
}

// boardFrame is how many lines are not rows: title, header, what was said, keys.
const boardFrame = 5

// Text writes the board on so many lines.
func (b *Board) Text(t *ui.Text, now time.Time, lines int) {
	open := 0
	for _, r := range b.rows {
		if !r.deposit.Status.Final() {
			open++
		}
	}
	t.Line(ui.Bold(fmt.Sprintf("%d of %d undecided", open, len(b.rows))), ui.Dim("  "+b.Pace.Text(now)), ui.Dim(b.usual()))
	t.Blank()
	room := max(lines-boardFrame, 1)
	from := max(min(b.Selected-room/2, len(b.rows)-room), 0)
	var rows [][]ui.Span
	for i := from; i < min(from+room, len(b.rows)); i++ {
		rows = append(rows, b.cells(i, now))
	}
	t.Table([]ui.Column{
		ui.Left(""), ui.Flexible("REFERENCE"), ui.Left("STATUS"), ui.Right("AMOUNT").Dropped(3), ui.Left("PHONE").Dropped(1),
		ui.Right("ASKED").Dropped(2), ui.Right("PROMPT"), ui.Flexible("NOTE").Dropped(4),
	}, rows)
	t.Line(ui.Dim(b.Said))
	t.Line(ui.Bold("q"), ui.Dim(" leave  "), ui.Bold("up down"), ui.Dim(" choose  "), ui.Bold("enter"), ui.Dim(" timeline  "), ui.Bold("r"), ui.Dim(" ask now"))
}

func (b *Board) usual() string {
	if usual := b.Pace.Usual(); usual != "" {
		return ", " + usual
	}
	return ""
}

func (b *Board) cells(i int, now time.Time) []ui.Span {
	d := b.rows[i].deposit
	v := NewDeposit(d, nil, nil, b.ShowPhone)
	mark := ui.Plain(" ")
	if i == b.Selected {
		mark = ui.Bold(">")
	}
	name := payment.Or(v.Reference, payment.Or(v.ID, d.ProviderID))
	asked := "-"
	if !d.SentAt.IsZero() {
		asked = ui.Ago(now.Sub(d.SentAt)) + " ago"
	}
	return []ui.Span{
		mark, ui.Plain(phones(name, b.ShowPhone)), StatusSpan(v.Status), ui.Plain(v.money()), ui.Plain(payment.Or(v.Phone, "-")),
		ui.Plain(asked), promptSpan(d, now), ui.Dim(payment.Line(phones(b.rows[i].note, b.ShowPhone), 200)),
	}
}

// promptSpan counts down to the end of a customer's prompt.
func promptSpan(d payment.Deposit, now time.Time) ui.Span {
	switch left := d.ExpiresAt.Sub(now); {
	case d.Status.Final():
		return ui.Plain("")
	case d.ExpiresAt.IsZero():
		return ui.Plain("-")
	case left <= 0:
		return ui.Warn("over")
	default:
		return ui.Plain(whole(left))
	}
}
