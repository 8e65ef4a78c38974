package mpesa

import (
	"errors"
	"slices"
	"time"
)

// prompt is what shows itself on a phone until it is decided.
type prompt interface {
	comparable
	Key() string
	Others() [2]string // further ids by which it is found, "" for none
	On() MSISDN
	Open() bool
}

// PromptBook finds prompts by their ids and by the phone that shows them.
type PromptBook[P prompt] struct {
	All    map[string]P
	Other  map[string]P // by further ids
	Open   map[MSISDN]P // the prompt on each phone
	Closed []string     // settled ids, oldest first
}

// maxSettled bounds the settled payments that can still be queried; how long the gateway knows them is not documented.
const maxSettled = 200_000

// NewPromptBook makes an empty book.
func NewPromptBook[P prompt]() PromptBook[P] {
	return PromptBook[P]{All: map[string]P{}, Other: map[string]P{}, Open: map[MSISDN]P{}}
}

// Add takes a prompt into the book, onto its phone where that is free.
func (b *PromptBook[P]) Add(p P) {
	b.All[p.Key()] = p
	for _, id := range p.Others() {
		if id != "" {
			b.Other[id] = p
		}
	}
	if !p.Open() {
		b.Closed = append(b.Closed, p.Key())
	} else if _, busy := b.Open[p.On()]; !busy {
		b.Open[p.On()] = p
	}
}

// Copied lists the prompts of a book for a use without the lock: open ones are copied, settled ones change no more.
func Copied[T any, P interface {
	*T
	prompt
}](book *PromptBook[P]) []P {
	list := make([]P, 0, len(book.All))
	open := make([]T, 0, max(len(book.All)-len(book.Closed), 0)) // at once, for they may be many
	for _, p := range book.All {
		if p.Open() {
			open = append(open, *p)
			p = &open[len(open)-1]
		}
		list = append(list, p)
	}
	return list
}

// Settle takes p off its phone and bounds the history.
func (b *PromptBook[P]) Settle(p P) {
	if b.Open[p.On()] == p {
		delete(b.Open, p.On())
	}
	b.Closed = append(b.Closed, p.Key())
	if len(b.Closed) > maxSettled {
		b.forget(b.Closed[0])
		b.Closed = b.Closed[1:]
	}
}

func (b *PromptBook[P]) forget(id string) {
	p, known := b.All[id]
	if !known {
		return
	}
	delete(b.All, id)
	for _, other := range p.Others() {
		if b.Other[other] == p { // or a later one has the same id
			delete(b.Other, other)
		}
	}
}

// Find looks a prompt up by any id of it, or by the phone that shows it; the zero value is none.
func (b *PromptBook[P]) Find(id string) P {
	if p, found := b.All[id]; found {
		return p
	}
	if phone, ok := LooseMSISDN(id); ok {
		return b.Open[phone]
	}
	return b.Other[id]
}

// Waiting is the open prompts, oldest first.
func Waiting[P prompt](book *PromptBook[P], compare func(a, b P) int) []P {
	var list []P
	for _, p := range book.All {
		if p.Open() {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, compare)
	return list
}

// Prompt is an open payment as the payer's handset shows it.
type Prompt struct {
	Provider  string    `json:"provider"`
	ID        string    `json:"id"` // free of the phone number; what answer takes
	PaymentID string    `json:"payment_id"`
	Phone     string    `json:"phone"` // in full: a handset knows its own number
	Amount    string    `json:"amount"`
	Currency  string    `json:"currency"`
	PayTo     string    `json:"pay_to"`
	Reference string    `json:"reference"`
	Text      string    `json:"text"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	// Outcome is the name of the outcome once answered, empty before.
	Outcome string `json:"outcome"`
}

// ErrNoPrompt is the answer of a provider that has no payment with an id.
var ErrNoPrompt = errors.New("no payment with this id is known")
