package reconcile

import (
	"context"
	"strconv"
	"time"
)

// Provider is asked beside the files.
type Provider interface {
	// Listed returns what the provider lists of a time, and whether an empty list
	// proves anything.
	Listed(ctx context.Context, from, to time.Time) (rows []Listed, proves bool, err error)
}

// Listed is a payment that the provider lists.
type Listed struct {
	Receipt string
	Amount  int64
	At      time.Time
}

// Asked is a question to the provider and what came of it.
type Asked struct {
	What, Result string
	OK           bool
}

func (r *run) askProvider(context.Context) error { return nil }

func itoa(n int) string { return strconv.Itoa(n) }
