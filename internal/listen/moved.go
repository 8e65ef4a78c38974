package listen

import (
	"errors"

	"github.com/payctl/payctl/internal/store"
)

// noteReplaced ends Serve where err says that another ledger lies in the place of the one
// that is open, and returns err: what was just spilled is for the next start to take in.
// A ledger that is merely gone may come back.
func (s *Server) noteReplaced(err error) error {
	if errors.Is(err, store.ErrReplaced) {
		select {
		case s.replaced <- err:
		default:
		}
	}
	return err
}

// lookForLedger returns what is wrong with the place of the ledger. It ends nothing: who
// does not listen loses the next delivery.
func (s *Server) lookForLedger() error {
	if s.o.Ledger.InPlace == nil {
		return nil
	}
	return s.o.Ledger.InPlace()
}

// unready is what /readyz says besides that a commit would fail.
func unready(err error) string {
	switch {
	case errors.Is(err, store.ErrReplaced):
		return "ledger replaced: another file lies in its place; start the listener again\n"
	case errors.Is(err, store.ErrMoved):
		return "ledger moved: its file is gone; what is sent once is spilled beside it\n"
	}
	return ""
}
