package cli

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/listen"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/trustfile"
)

// installToken reads the token of this installation from beside the ledger, or
// makes it on first use. It is "" when no secret path is wanted.
func (v *listenCommand) installToken(ctx context.Context, ledger string) (string, error) {
	if !v.secretPath && !v.printSecretPath {
		return "", nil
	}
	if v.ledger != nil {
		return v.sharedToken(ctx, v.ledger)
	}
	path := ledger + ".token"
	token, err := readToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", tokenUnwritable(path)
	}
	token = payment.NewToken()
	err = atomicfile.Create(path, []byte(token+"\n"))
	switch {
	case errors.Is(err, fs.ErrExist): // somebody else was faster
		return readToken(path)
	case err != nil:
		return "", tokenUnwritable(path)
	}
	return token, nil
}

func tokenUnwritable(path string) error {
	return usagef("choose a directory that can be written with --db", "the token file %s cannot be written", path)
}

// maxTokenFile bounds the token file, in bytes.
const maxTokenFile = 4 << 10

// readToken returns fs.ErrNotExist where there is no file, else KindUsage.
func readToken(path string) (string, error) {
	data, err := trustfile.ReadFile("token file", path, maxTokenFile)
	switch {
	case errors.Is(err, fs.ErrNotExist), payment.KindOf(err) == payment.KindUsage:
		return "", err
	case err != nil:
		return "", usagef("check its permissions", "the token file %s cannot be read", path)
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return "", usagef("remove it; the next start makes a new one", "the token file %s is empty", path)
	}
	if err := listen.CheckToken(token); err != nil {
		return "", usagef("put the token back, or remove the file; the next start makes a new one, and other callback URLs with it",
			"the token file %s: %v", path, err)
	}
	return token, nil
}

// listenSocket is the socket that the service manager opened, or a new one. An
// opened one must be as well protected as --addr would have to be.
func (v *listenCommand) listenSocket(ctx context.Context, addr string, e listen.Exposure) (net.Listener, error) {
	inherited, err := listen.Activated(v.getenv, os.Getpid())
	switch {
	case err != nil:
		return nil, err
	case len(inherited) == 0:
		return bind(ctx, addr)
	case len(inherited) > 1:
		err = usagef("name one ListenStream in the socket unit", "socket activation: %d sockets were handed over, and one can be served", len(inherited))
	default:
		err = listen.CheckSocket(inherited[0].Addr(), e)
	}
	if err != nil {
		closeListeners(inherited...)
		return nil, err
	}
	return inherited[0], nil
}

// pruneEvery is how often a listener with a retention prunes.
const pruneEvery = time.Hour

// keepSmall prunes the ledger now and then while the listener runs; the
// returned function ends that and waits.
func (v *listenCommand) keepSmall(ctx context.Context, retention time.Duration) (stop func()) {
	if retention <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		ticker := time.NewTicker(pruneEvery)
		defer ticker.Stop()
		for {
			if _, err := v.prune(ctx, retention); err != nil && ctx.Err() == nil {
				v.out.Warn("pruning failed: %v", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

// prune prunes once. Of the listeners on a shared ledger one does it.
func (v *listenCommand) prune(ctx context.Context, retention time.Duration) (store.Pruned, error) {
	if v.ledger.Shared() {
		held, release, err := v.ledger.Hold(ctx, "janitor", "pruning")
		if payment.KindOf(err) == payment.KindConflict {
			return store.Pruned{}, nil
		}
		if err != nil {
			return store.Pruned{}, err
		}
		defer release()
		ctx = held
	}
	return v.ledger.Prune(ctx, v.ledger.Now().Add(-retention))
}

// backlog reads for the metrics what waits in the ledger.
func backlog(ledger *store.Store) func(context.Context) (listen.Backlog, error) {
	return func(ctx context.Context) (listen.Backlog, error) {
		// Only the counts of today are read; the queue's lengths and the oldest
		// open deposit do not depend on the day.
		s, err := ledger.Stats(ctx, time.Now())
		return listen.Backlog{
			Writes: ledger.Waiting(), ForwardsWaiting: int(s.Waiting), ForwardsDead: int(s.Dead), OldestPending: s.OldestOpen,
		}, err
	}
}

// existingToken is the secret path of this installation, "" where it has none.
func (s *session) existingToken(ctx context.Context, conf *config.Config) (string, error) {
	path, err := conf.Ledger()
	if err != nil {
		return "", err
	}
	if conf.SharedLedger() {
		ledger, err := s.readLedger(ctx)
		if err != nil {
			return "", err
		}
		return ledger.InstallToken(ctx, "")
	}
	token, err := readToken(path + ".token")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return token, err
}
