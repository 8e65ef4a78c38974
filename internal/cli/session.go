package cli

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/budget"
	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

// session is what a verb works with beyond its env: the ledger and the providers.
// Each is opened when it is first asked for: a command that needs no ledger opens none.
type session struct {
	*env
	ledger *store.Store
	// newLedger lets a ledger that was named and is not there begin.
	newLedger bool
	client    *http.Client
	closers   []func() error
}

func newSession(in Invocation) *session {
	return &session{env: newEnv(in), client: newClient()}
}

// close ends what was opened, the last first.
func (s *session) close() error {
	var errs error
	for _, closer := range slices.Backward(s.closers) {
		errs = errors.Join(errs, closer())
	}
	s.closers = nil
	return errs
}

// newClient returns the one client for provider calls: proxy and TLS settings of
// the process, no redirects, no overall timeout (a context bounds each call,
// and the stream's polls are held for long).
func newClient() *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       60 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}}
}

// provider opens one provider with the profile's settings.
func (s *session) provider(ctx context.Context, id payment.ProviderID, transports []string) (provider.Provider, error) {
	ctx, cancel := s.deadline.preparing(ctx)
	defer cancel()
	conf, err := s.config(ctx)
	if err != nil {
		return provider.Provider{}, err
	}
	return s.providers.Open(ctx, conf, id, s.deps(transports))
}

func (s *session) deps(transports []string) provider.Deps {
	d := provider.Deps{HTTP: s.client, Log: wireLog(s.out), Now: s.now, Budget: s.budget(), Transports: transports}
	if s.global.verbose {
		d.Packets = wirePackets(s.env)
	}
	return d
}

// wireLog shows exchanges under --verbose.
func wireLog(out *ui.Printer) func(apiclient.Exchange) {
	return func(e apiclient.Exchange) {
		out.Debug("> %s %s %s", e.Method, e.URL, e.Request)
		out.Debug("< %d %s", e.Status, e.Response)
	}
}

// wirePackets shows the packets of a stream under --verbose.
func wirePackets(e *env) func(sent bool, packet string) {
	return func(sent bool, packet string) {
		arrow := "<"
		if sent {
			arrow = ">"
		}
		e.out.Debug("%s socket %s", arrow, e.phoneText(payment.Line(packet, maxPacketShown)))
	}
}

// maxPacketShown bounds the characters of a packet that are shown.
const maxPacketShown = 2000

// budget shares the rate limits of providers with all processes of this user, and, on a
// shared ledger, with all who work with it.
func (s *session) budget() payment.Budget { return commonBudget{s} }

// commonBudget finds out at each question whose budget it is: a ledger is opened late.
type commonBudget struct{ *session }

func (b commonBudget) kept() payment.Budget {
	files := budget.Files{Now: b.now}
	if b.conf != nil && b.conf.StateDir != "" {
		files.Dir = filepath.Join(b.conf.StateDir, "budget")
	}
	if b.ledger == nil || b.ledger.SharedID() == "" || b.ledger.ReadOnly() {
		return files
	}
	return budget.Ledger{Keeper: b.ledger, Else: files}
}

// ReserveWithin implements payment.Budget.
func (b commonBudget) ReserveWithin(ctx context.Context, key string, per, most time.Duration) (payment.Slot, error) {
	return b.kept().ReserveWithin(ctx, key, per, most)
}

// Unreserve implements payment.Budget.
func (b commonBudget) Unreserve(ctx context.Context, slot payment.Slot) error {
	return b.kept().Unreserve(ctx, slot)
}

// Hold implements payment.Budget.
func (b commonBudget) Hold(ctx context.Context, key string, until time.Time) error {
	return b.kept().Hold(ctx, key, until)
}

// openLedger opens the profile's ledger once.
func (s *session) openLedger(ctx context.Context) (*store.Store, error) {
	return s.openLedgerAs(ctx, s.config, store.Options{})
}

// readLedger opens the profile's ledger for a command that only reads: this user
// may lack the right to write to it.
func (s *session) readLedger(ctx context.Context) (*store.Store, error) {
	return s.openLedgerAs(ctx, s.config, store.Options{OrReadOnly: true})
}

func (s *session) openLedgerAs(ctx context.Context, settings func(context.Context) (*config.Config, error), o store.Options) (*store.Store, error) {
	if s.ledger != nil {
		return s.ledger, nil
	}
	ctx, cancel := s.deadline.preparing(ctx)
	defer cancel()
	conf, err := settings(ctx)
	if err != nil {
		return nil, err
	}
	if o.Path, err = conf.Ledger(); err != nil {
		return nil, err
	}
	o.Actor, o.StateDir = s.actor(), conf.StateDir
	if !conf.SharedLedger() {
		o.Now = s.now
	}
	switch {
	case o.MustExist:
	case o.OrReadOnly:
		err = s.standIn(conf, &o)
	default:
		err = mustBeThere(conf, s.newLedger)
	}
	if err != nil {
		return nil, err
	}
	ledger, err := store.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if s.keepLedger(ledger); conf.SharedLedger() {
		s.now = ledger.Now // what it holds is by its server's clock
		s.warnOfServer(conf, ledger)
	}
	s.takeIn(ctx, ledger)
	return ledger, nil
}

// warnOfServer says aloud what a shared ledger's server does not promise.
func (s *session) warnOfServer(conf *config.Config, ledger *store.Store) {
	server := ledger.Server()
	if server.Open {
		s.out.Warn("db: the connection to %s is not proved by a certificate; sslmode=verify-full is expected beyond this machine", ledger.Path())
	}
	if db, err := conf.Explain("db"); err == nil && db.Origin.Kind == config.FromFlag && hasPassword(conf.DB) {
		s.out.Warn("db: other users of this machine can read a password in a flag; use PAYCTL_DB, the user file, PGPASSWORD or ~/.pgpass")
	}
	if weak := server.Weak(); conf.Environment == payment.Production && weak != "" {
		s.out.Warn("db: %s: %s", ledger.Path(), weak)
	}
}

func hasPassword(place string) bool {
	u, err := url.Parse(place)
	if err != nil {
		return false
	}
	_, has := u.User.Password()
	return has || u.Query().Has("password")
}

// standIn has a command that only reads look at an empty ledger where there is none. In
// the local environment that is the ledger itself; elsewhere it is gone with the command,
// or the next one that asks for money would not notice that the true one is missing.
func (s *session) standIn(conf *config.Config, o *store.Options) error {
	if _, err := os.Stat(o.Path); !errors.Is(err, fs.ErrNotExist) || conf.SharedLedger() {
		return nil
	}
	name := filepath.Base(o.Path)
	if conf.Environment == payment.Local || conf.Environment == "" {
		if isNew(conf) {
			s.out.Warn("db: there was no ledger %s; an empty one was made", name)
		}
		return nil
	}
	dir, err := os.MkdirTemp("", "payctl-")
	if err != nil {
		return usagef("name an existing file with --db", "db: there is no ledger %s", name)
	}
	s.closers = append(s.closers, func() error { return os.RemoveAll(dir) })
	s.out.Warn("db: there is no ledger %s; nothing is known, and none was made", name)
	o.Path = filepath.Join(dir, name)
	return nil
}

// bindNewLedger binds the flag of the verbs that may begin a ledger.
func bindNewLedger(f *pflag.FlagSet, s *session) {
	f.BoolVar(&s.newLedger, "new-ledger", false, "make the ledger that was named and is not there")
}

// mustBeThere refuses to ask or to change anything where the ledger that was named is
// missing: what was asked before would not be known. newLedger says that it is meant to
// begin there.
func mustBeThere(conf *config.Config, newLedger bool) error {
	if newLedger || conf.Environment == payment.Local || !isNew(conf) {
		return nil
	}
	return usagef("check the name or put the ledger back; \"payctl listen\" begins a new one, and so do the verbs that have --new-ledger",
		"db: there is no ledger %s, so that nobody knows what was asked before", filepath.Base(conf.DB))
}

// takeIn has the ledger take in what it could not record at the time. A command that
// only reads says that it waits.
func (s *session) takeIn(ctx context.Context, ledger *store.Store) {
	taken, err := ledger.Recovery.TakeIn(ctx)
	for _, id := range taken {
		s.out.Warn("deposit %s: an answer that could not be recorded at the time has been taken in from the recovery file", id)
	}
	if waiting := ledger.Recovery.Waiting(); waiting > 0 {
		because := ""
		if err != nil {
			because = ": " + payment.FirstLine(err.Error())
		}
		s.out.Warn("%d answers that could not be recorded wait in %s; a command that may write to the ledger takes them in%s", waiting, ledger.Recovery.Dir(), because)
	}
}

// keepLedger makes a ledger that was opened the session's, which closes it.
func (s *session) keepLedger(ledger *store.Store) {
	s.ledger = ledger
	s.closers = append(s.closers, ledger.Close)
}

// isNew reports whether somebody chose a ledger that is not there: it may be a slip.
func isNew(conf *config.Config) bool {
	if conf.SharedLedger() {
		return false
	}
	if _, err := os.Stat(conf.DB); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	db, err := conf.Explain("db")
	return err == nil && db.Origin.Kind != config.FromDefault
}
