package provider

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// Row is one provider as data: what can be said of it before its settings are known.
type Row struct {
	ID payment.ProviderID
	// Title is its name for people.
	Title string
	// Deposits says that it can be asked for money, Streams that it tells of deposits
	// in real time, Wallets that a deposit goes to one of several wallets, Fields that a
	// request takes fields of its own.
	Deposits, Streams, Wallets, Fields bool
	// ShortCode is the account that deposits go to; nil where it has none.
	ShortCode func(c *config.Config) string
	// Routes are the listener's; each one's Provider is filled in.
	Routes []payment.Route
	// Events are the names of all that its deliveries can mean.
	Events []string
	// Retries are the waits before its own further attempts after an answer that is no
	// 2xx; none where it sends once.
	Retries []time.Duration
	// Proof is how its deliveries prove themselves; nil where they do not.
	Proof *Proof
	// Receiver reads its deliveries, with the secrets that prove them. Without settings
	// (c is nil) it judges a payload alone.
	Receiver func(c *config.Config, secrets []*secret.Secret) (payment.Receiver, error)
	// Sender returns what is wrong with the address that a delivery came from, or "",
	// and whether it is not to be believed for that; the zero address is one that is not
	// known. nil where no addresses are published.
	Sender func(c *config.Config, addr netip.Addr) (note string, enforce bool)

	// Pages are the pages of its documentation, as their addresses end, by the chapter of
	// the reference (reference/daraja.md §4, say).
	Pages map[string]string
	// Explainer knows the provider's codes; nil where it has none.
	Explainer payment.Explainer

	// Health is what of its set-up can be looked at; nil where nothing can.
	Health func(c *config.Config) Health
	// Samples names the payloads that Sample makes of facts; it is false for any other
	// name. Invent fills in the ids that the facts lack.
	Samples []string
	Sample  func(name string, f payment.Facts) (payment.Sample, bool)
	Invent  func(f *payment.Facts)
	// Recognize tells the provider's payloads from others' by their shape, and returns
	// the event and the listener's route; nothing is verified.
	Recognize func(body []byte) (event, route string, ok bool)
	// Trials are what an endpoint is tested with beside junk; none where there are no such
	// tests.
	Trials []Trial
	// Movement reads a wallet's transaction from a payload, for what its event leaves out;
	// nil where deliveries are about no wallet.
	Movement func(body []byte) (payment.WalletMovement, bool)

	// Open makes the provider; the secrets that every payment needs are fetched.
	Open func(ctx context.Context, c *config.Config, d Deps) (Provider, error)
}

// Proof is how a provider's deliveries prove themselves.
type Proof struct {
	// Setting and Variable name the setting that holds the secret.
	Setting, Variable string
	// Secrets are those that prove, the one that signs first; none when not set.
	Secrets func(ctx context.Context, c *config.Config) ([]*secret.Secret, error)
	// Sign proves a body as the provider does: it returns the signed body, or changes
	// the header.
	Sign func(body []byte, header http.Header, key *secret.Secret) ([]byte, error)
	// Signs reports whether a body or header carries such a proof, right or wrong.
	Signs func(body []byte, header http.Header) bool
	// InBody says that the proof is a signature that stands in the body, over what
	// JSON.stringify makes of the rest: what a signer or a receiver did to it can be
	// undone and proved.
	InBody bool
}

// Table is all providers, in the order in which they are listed.
type Table []Row

// Builtin returns the providers that payctl speaks to.
func Builtin() Table { return Table{darajaRow(), wasaapayRow(), seviRow()} }

// Row returns a provider's row; a zero one for a provider that is not in the table.
func (t Table) Row(id payment.ProviderID) Row {
	if i := slices.IndexFunc(t, func(r Row) bool { return r.ID == id }); i >= 0 {
		return t[i]
	}
	return Row{}
}

// IDs lists all providers.
func (t Table) IDs() []payment.ProviderID { return t.ids(func(Row) bool { return true }) }

// Depositors lists the providers that can be asked for money.
func (t Table) Depositors() []payment.ProviderID {
	return t.ids(func(r Row) bool { return r.Deposits })
}

func (t Table) ids(keep func(Row) bool) []payment.ProviderID {
	var out []payment.ProviderID
	for _, r := range t {
		if keep(r) {
			out = append(out, r.ID)
		}
	}
	return out
}

// Explainers lists the providers whose codes can be explained.
func (t Table) Explainers() []payment.ProviderID {
	return t.ids(func(r Row) bool { return r.Explainer != nil })
}

// Explain returns what a code may mean with any provider.
func (t Table) Explain(code string) payment.Explained {
	out := payment.Explained{Code: code}
	for _, id := range t.Explainers() {
		out.Meanings = append(out.Meanings, t.Row(id).Explainer.Explain(code, payment.CodeQuery{})...)
	}
	return out
}

// CodeAPIs lists what tells one code of a provider from another.
func (t Table) CodeAPIs() []string {
	var out []string
	for _, r := range t {
		if r.Explainer != nil {
			out = append(out, r.Explainer.APIs()...)
		}
	}
	return out
}

// Signer returns the row whose proof stands in the body; a zero one where there is none.
func (t Table) Signer() Row {
	if i := slices.IndexFunc(t, func(r Row) bool { return r.Proof != nil && r.Proof.InBody }); i >= 0 {
		return t[i]
	}
	return Row{}
}

// Tried lists the providers that an endpoint can be tested for.
func (t Table) Tried() []payment.ProviderID {
	return t.ids(func(r Row) bool { return len(r.Trials) > 0 })
}

// Names are ids in words: "daraja, wasaapay".
func Names(ids []payment.ProviderID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, ", ")
}

// Parse reads a provider's name; "" is the first one. Any other is KindUsage.
func (t Table) Parse(name string) (payment.ProviderID, error) {
	if name == "" {
		return t[0].ID, nil
	}
	if r := t.Row(payment.ProviderID(name)); r.ID != "" {
		return r.ID, nil
	}
	return "", payment.Usage(fmt.Sprintf("provider %s: is not known", payment.Quote(name, 40)), "use one of: "+Names(t.IDs()))
}

// Routes lists the listener's callback routes.
func (t Table) Routes() []payment.Route {
	var out []payment.Route
	for _, r := range t {
		for _, route := range r.Routes {
			route.Provider = r.ID
			out = append(out, route)
		}
	}
	return out
}

// CheckRoute holds a URL that somebody is to post to against the listener's routes: base
// is what stands before the route. One without /callbacks/ in its path is somebody's own
// app's, and has none. A near miss, or another route than the one that is wanted, is
// KindUsage.
func (t Table) CheckRoute(what, raw, wanted string) (base string, err error) {
	u, _ := url.Parse(raw) // what is no URL is for others to refuse
	if u == nil || !strings.Contains(u.Path, "/callbacks") {
		return "", nil
	}
	before, _, _ := strings.Cut(u.Path, "/callbacks")
	path := strings.TrimRight(strings.TrimPrefix(u.Path, before), "/")
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if path == wanted || strings.HasPrefix(path, wanted+"/") && !strings.Contains(path[len(wanted)+1:], "/") {
		return u.Scheme + "://" + u.Host + before, nil
	}
	hint := "the route is " + wanted + "; an app of your own must not have /callbacks in its path"
	for _, route := range t.Routes() {
		if route.Path == path {
			return "", payment.Usage(what+": is the listener's route for other callbacks, "+path, hint)
		}
	}
	return "", payment.Usage(what+": \"payctl listen\" has no route "+payment.Line(path, 80), hint)
}

// Events lists the names of all events, by provider.
func (t Table) Events() map[payment.ProviderID][]string {
	out := make(map[payment.ProviderID][]string, len(t))
	for _, r := range t {
		out[r.ID] = r.Events
	}
	return out
}

// Open makes one provider from the settings; the secrets that every payment needs
// are fetched. Missing credentials are one KindUnauthorized error that names them all.
func (t Table) Open(ctx context.Context, c *config.Config, id payment.ProviderID, d Deps) (Provider, error) {
	if r := t.Row(id); r.Open != nil {
		return r.Open(ctx, c, d)
	}
	_, err := t.Parse(string(id))
	return Provider{}, err
}

// Receivers makes what the listener needs: of each provider whose deliveries need no
// secret, or whose secret is set. skipped says which are not there, and the setting
// that brings them.
func (t Table) Receivers(ctx context.Context, c *config.Config) (receivers map[payment.ProviderID]payment.Receiver, skipped []string, err error) {
	receivers = map[payment.ProviderID]payment.Receiver{}
	for _, r := range t {
		var secrets []*secret.Secret
		if r.Proof != nil {
			if secrets, err = r.Proof.Secrets(ctx, c); err != nil {
				return nil, nil, err
			}
			if len(secrets) == 0 {
				skipped = append(skipped, string(r.ID)+": set "+r.Proof.Setting+" ("+r.Proof.Variable+")")
				continue
			}
		}
		if receivers[r.ID], err = r.Receiver(c, secrets); err != nil {
			return nil, nil, err
		}
	}
	return receivers, skipped, nil
}

// Sender returns the check of the addresses that deliveries come from, nil for the
// emulator, which is on no list.
func (t Table) Sender(c *config.Config) func(payment.ProviderID, netip.Addr) (note string, enforce bool) {
	if c.Environment == payment.Local {
		return nil
	}
	return func(id payment.ProviderID, addr netip.Addr) (string, bool) {
		if check := t.Row(id).Sender; check != nil {
			return check(c, addr)
		}
		return "", false
	}
}

// Credentials returns what each provider proves itself with in the Authorization header,
// "" for one that proves itself otherwise. Errors are those of the secrets.
func (t Table) Credentials(ctx context.Context, c *config.Config) (func(payment.ProviderID) string, error) {
	known := map[payment.ProviderID]string{}
	for _, row := range t {
		if row.Proof == nil {
			continue
		}
		secrets, err := row.Proof.Secrets(ctx, c)
		if err != nil {
			return nil, err
		}
		header := http.Header{}
		if len(secrets) > 0 {
			if _, err := row.Sign([]byte("{}"), header, secrets); err != nil {
				return nil, err
			}
		}
		known[row.ID] = header.Get("Authorization")
	}
	return func(id payment.ProviderID) string { return known[id] }, nil
}

// Sign proves a body, as the provider would, with the secret of the settings; one
// that proves nothing is left as it is. A secret that is not set is KindUnauthorized.
func (r Row) Sign(body []byte, header http.Header, secrets []*secret.Secret) ([]byte, error) {
	switch {
	case r.Proof == nil:
		return body, nil
	case len(secrets) == 0:
		return nil, &payment.Error{
			Kind: payment.KindUnauthorized, Message: string(r.ID) + ": no secret is configured to sign with",
			Hint: "set " + r.Proof.Setting + " (" + r.Proof.Variable + ")", Provider: r.ID,
		}
	}
	return r.Proof.Sign(body, header, secrets[0])
}

// HasTokens reports whether the provider's routes carry tokens of single deposits.
func (r Row) HasTokens() bool {
	return slices.ContainsFunc(r.Routes, func(route payment.Route) bool { return route.PerDeposit })
}

// Page turns sections of the reference such as "daraja §6.2", which is not shipped, into
// the provider's page on what they are about: "daraja TransactionStatus". It is the
// provider alone where there is no such page.
func (t Table) Page(sections string) string {
	id, rest, _ := strings.Cut(sections, " ")
	pages := t.Row(payment.ProviderID(id)).Pages
	for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == ',' }) {
		section, ok := strings.CutPrefix(word, "§")
		chapter, _, _ := strings.Cut(section, ".")
		if page := pages[chapter]; ok && page != "" {
			return id + " " + page
		}
	}
	return id
}
