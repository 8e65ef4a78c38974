package presence

import (
	"context"
	"net/http"
	"strconv"
)

// Reach is where callbacks should arrive.
type Reach struct {
	HTTP *http.Client
	// Prove is the ledger's own proof of a nonce.
	Prove func(nonce string) string
	// CallbackURL is the base that providers are told, "" if none.
	CallbackURL string
	// Local is the address on this machine that a listener usually has.
	Local string
	// Route is a callback's whole address, "" if it is not known.
	Route string
}

// Problem says in words what keeps callbacks from this ledger, "" where nothing is known
// to. A public address may hide who answers there, so the listener on this machine and
// the callback's own route are asked as well.
func (r Reach) Problem(ctx context.Context) string {
	local := "http://" + r.Local
	if r.CallbackURL == "" {
		if who, _ := Ask(ctx, r.HTTP, local, r.Prove); who == ThisListener || ctx.Err() != nil {
			return ""
		}
		return "no listener runs on this ledger"
	}
	who, err := Ask(ctx, r.HTTP, r.CallbackURL, r.Prove)
	switch {
	case who == ThisListener || ctx.Err() != nil && err != nil:
		return ""
	case who == NotReady:
		return "the listener at " + r.CallbackURL + " cannot write to the ledger"
	case who == Nobody:
		return "no listener answers at " + r.CallbackURL + " (callback_url)"
	case who == OtherListener:
		return "the listener at " + r.CallbackURL + " (callback_url) is of another ledger"
	case r.hasRoute(ctx):
		return ""
	}
	return r.CallbackURL + " (callback_url) is answered by something else than payctl listen"
}

// hasRoute reports whether the callback's route tells a GET that it is for posts, as
// payctl's does.
func (r Reach) hasRoute(ctx context.Context) bool {
	if r.Route == "" {
		return false
	}
	isRoute, _, err := AskRoute(ctx, r.HTTP, r.Route)
	return err == nil && isRoute
}

// RouteProblem says in words what is wrong with who answers at a listener's base URL, or
// with a route behind it; "" where the listener of this ledger takes it.
func RouteProblem(ctx context.Context, client *http.Client, base, route string, prove func(nonce string) string) string {
	who, _ := Ask(ctx, client, base, prove)
	switch who {
	case ThisListener:
		if isRoute, status, err := AskRoute(ctx, client, route); err == nil && !isRoute {
			return "the listener at " + base + " answers " + strconv.Itoa(status) + " there: is its secret path another one?"
		}
		return ""
	case NotReady:
		return "the listener at " + base + " cannot commit to its ledger"
	case OtherListener:
		return base + " leads to a payctl listen with another ledger"
	case SomethingElse:
		return base + " is answered by something else than payctl listen"
	case Nobody:
	}
	return "nobody answers at " + base
}
