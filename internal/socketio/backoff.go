package socketio

import "time"

// Backoff spaces the attempts to connect. The zero value means the defaults.
type Backoff struct {
	// Min is the first delay, 1 s by default.
	Min time.Duration
	// Max caps the delay before jitter, 10 s by default.
	Max time.Duration
	// Factor multiplies the delay after each failure, 2 by default.
	Factor float64
	// Jitter spreads each delay over ±Jitter of it, 0.5 by default; negative
	// means none.
	Jitter float64
	// Held is how long a connection must have stood for the delays to start
	// over, 15 s by default. Starting over on every connect makes a server
	// that accepts and throws out a hot loop (reference/socketio.md, client 8).
	Held time.Duration
}

func (b Backoff) withDefaults() Backoff {
	if b.Min <= 0 {
		b.Min = time.Second
	}
	if b.Max <= 0 {
		b.Max = 10 * time.Second
	}
	b.Max = max(b.Max, b.Min)
	if b.Factor < 1 {
		b.Factor = 2
	}
	switch {
	case b.Jitter < 0:
		b.Jitter = 0
	case b.Jitter == 0:
		b.Jitter = 0.5
	case b.Jitter > 1:
		b.Jitter = 1
	}
	if b.Held <= 0 {
		b.Held = 15 * time.Second
	}
	return b
}

// delay is the pause after the given number of failures in a row, at least 1;
// random gives numbers in [0, 1).
func (b Backoff) delay(failures int, random func() float64) time.Duration {
	d := float64(b.Min)
	for i := 1; i < failures && d < float64(b.Max); i++ {
		d *= b.Factor
	}
	d = min(d, float64(b.Max))
	d *= 1 - b.Jitter + 2*b.Jitter*random()
	return time.Duration(d)
}
