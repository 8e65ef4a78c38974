package config

import (
	"context"
	"sync"
	"time"
)

// keyringPatience is what a command waits for a keyring that does not answer, however
// many secrets it asks for: it may be mute, or wait for a person who is not there.
const keyringPatience = 3 * time.Second

// Patience is a command's with its keyring; all Sources of a command share one. It is
// safe for concurrent use, and the zero value has it all.
type Patience struct {
	mu    sync.Mutex
	spent time.Duration
}

// bound returns a context that ends with the patience, and what gives back the rest.
func (p *Patience) bound(ctx context.Context) (context.Context, func()) {
	if p == nil {
		return context.WithTimeout(ctx, keyringPatience)
	}
	p.mu.Lock()
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, keyringPatience-p.spent)
	return bounded, func() {
		cancel()
		p.spent += time.Since(began)
		p.mu.Unlock()
	}
}
