package emulator

import (
	"errors"
	"slices"
	"time"
)

// prompt is what shows itself on a phone until it is decided.
type prompt interface {
	comparable
	key() string
	others() [2]string // further ids by which it is found, "" for none
	on() msisdn
	open() bool
}

// promptBook finds prompts by their ids and by the phone that shows them.
type promptBook[P prompt] struct {
	all    map[string]P
	other  map[string]P // by further ids
	open   map[msisdn]P // the prompt on each phone
	closed []string     // settled ids, oldest first
}

// maxSettled bounds the settled payments that can still be queried; how long the gateway knows them is not documented.
const maxSettled = 200_000

func newPromptBook[P prompt]() promptBook[P] {
	return promptBook[P]{all: map[string]P{}, other: map[string]P{}, open: map[msisdn]P{}}
}

func (b *promptBook[P]) add(p P) {
	b.all[p.key()] = p
	for _, id := range p.others() {
		if id != "" {
			b.other[id] = p
		}
	}
	if !p.open() {
		b.closed = append(b.closed, p.key())
	} else if _, busy := b.open[p.on()]; !busy {
		b.open[p.on()] = p
	}
}

// copied lists the prompts of a book for a use without the lock: open ones are copied, settled ones change no more.
func copied[T any, P interface {
	*T
	prompt
}](book *promptBook[P]) []P {
	list := make([]P, 0, len(book.all))
	open := make([]T, 0, max(len(book.all)-len(book.closed), 0)) // at once, for they may be many
	for _, p := range book.all {
		if p.open() {
			open = append(open, *p)
			p = &open[len(open)-1]
		}
		list = append(list, p)
	}
	return list
}

// settle takes p off its phone and bounds the history.
func (b *promptBook[P]) settle(p P) {
	if b.open[p.on()] == p {
		delete(b.open, p.on())
	}
	b.closed = append(b.closed, p.key())
	if len(b.closed) > maxSettled {
		b.forget(b.closed[0])
		b.closed = b.closed[1:]
	}
}

func (b *promptBook[P]) forget(id string) {
	p, known := b.all[id]
	if !known {
		return
	}
	delete(b.all, id)
	for _, other := range p.others() {
		if b.other[other] == p { // or a later one has the same id
			delete(b.other, other)
		}
	}
}

// find looks a prompt up by any id of it, or by the phone that shows it; the zero value is none.
func (b *promptBook[P]) find(id string) P {
	if p, found := b.all[id]; found {
		return p
	}
	if phone, ok := looseMSISDN(id); ok {
		return b.open[phone]
	}
	return b.other[id]
}

// waiting is the open prompts, oldest first.
func waiting[P prompt](book *promptBook[P], compare func(a, b P) int) []P {
	var list []P
	for _, p := range book.all {
		if p.open() {
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

// errNoPrompt is the answer of a provider that has no payment with an id.
var errNoPrompt = errors.New("no payment with this id is known")
