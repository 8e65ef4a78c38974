package emulator

// prompt is what shows itself on a phone until it is decided.
type prompt interface {
	comparable
	key() string
	on() msisdn
	open() bool
}

// promptBook finds prompts by their ids and by the phone that shows them.
type promptBook[P prompt] struct {
	all    map[string]P
	open   map[msisdn]P // the prompt on each phone
	closed []string     // settled ids, oldest first
}

// maxSettled bounds the settled payments that can still be queried; how long the gateway knows them is not documented.
const maxSettled = 200_000

func newPromptBook[P prompt]() promptBook[P] {
	return promptBook[P]{all: map[string]P{}, open: map[msisdn]P{}}
}

func (b *promptBook[P]) add(p P) {
	b.all[p.key()] = p
	if !p.open() {
		b.closed = append(b.closed, p.key())
	} else if _, busy := b.open[p.on()]; !busy {
		b.open[p.on()] = p
	}
}

// settle takes p off its phone and bounds the history.
func (b *promptBook[P]) settle(p P) {
	if b.open[p.on()] == p {
		delete(b.open, p.on())
	}
	b.closed = append(b.closed, p.key())
	if len(b.closed) > maxSettled {
		delete(b.all, b.closed[0])
		b.closed = b.closed[1:]
	}
}
