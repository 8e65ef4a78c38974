package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/store"
)

// errReadOnly marks the refusal of an action.
var errReadOnly = errors.New("read only")

// refusal is why nothing may be changed here, "" when it may. No page ever moves money;
// what is meant is to send a delivery again, and to play the emulator's phones.
func (s *Server) refusal() string {
	if s.AllowActions || s.Environment == payment.Local || s.Environment == payment.Sandbox {
		return ""
	}
	return "read only in " + string(s.Environment) + ": use the command, or start payctl ui with --allow-actions"
}

const (
	// mostForm bounds a form, in bytes; mostTargets how many targets are looked at.
	mostForm    = 16 << 10
	mostTargets = 50
)

// act reads what was posted, where something may be done.
func (s *Server) act(r *http.Request) error {
	if why := s.refusal(); why != "" {
		return &payment.Error{Kind: payment.KindUsage, Message: "this page is " + why, Err: errReadOnly}
	}
	r.Body = http.MaxBytesReader(nil, r.Body, mostForm)
	if err := r.ParseForm(); err != nil {
		return payment.Usage("form: it cannot be read", "use the page's own buttons")
	}
	return nil
}

// targets are where a delivery may be sent again: on this machine, where it went before
// or others did.
func (s *Server) targets(ctx context.Context, attempts []store.Attempt) ([]target, error) {
	known, err := s.Ledger.Forwards.Targets(ctx, mostTargets)
	if err != nil {
		return nil, err
	}
	var urls []string
	for _, at := range slices.Backward(attempts) {
		urls = append(urls, at.Target)
	}
	var out []target
	seen := map[string]bool{}
	for _, url := range append(urls, known...) {
		if seen[url] {
			continue
		}
		seen[url] = true
		if s.Sender.Check(ctx, url, false) != nil {
			continue
		}
		out = append(out, target{keyOf(url), shownTarget(url)})
	}
	return out, nil
}

// keyOf names a target in a form: its query may hold a secret.
func keyOf(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:12])
}

// sendAgain is POST /deliveries/{id}/send. The new attempt is what the page shows next.
func (s *Server) sendAgain(r *http.Request) (answer, error) {
	if err := s.act(r); err != nil {
		return answer{}, err
	}
	ctx, id := r.Context(), r.PathValue("id")
	attempts, err := s.Ledger.Deliveries.Attempts(ctx, id)
	if err != nil {
		return answer{}, err
	}
	url, err := s.target(ctx, r.PostForm.Get("target"), attempts)
	if err != nil {
		return answer{}, err
	}
	replayer := &replay.Replayer{Ledger: replay.LedgerOf(s.Ledger), Sender: s.Sender, Now: s.Now}
	_, err = replayer.Start(ctx, replay.Input{IDs: []string{id}, Spec: replay.Spec{Targets: []string{url}, Concurrency: 1, Until: s.Now()}})
	return answer{to: "/deliveries/" + id + "?sent=1"}, err
}

// target finds what a form named.
func (s *Server) target(ctx context.Context, key string, attempts []store.Attempt) (string, error) {
	known, err := s.Ledger.Forwards.Targets(ctx, mostTargets)
	if err != nil {
		return "", err
	}
	for _, a := range attempts {
		known = append(known, a.Target)
	}
	i := slices.IndexFunc(known, func(url string) bool { return keyOf(url) == key })
	if i < 0 {
		return "", payment.Usage("target: it is not one that deliveries went to", "send it there once with payctl webhook replay ID --to URL")
	}
	return known[i], s.Sender.Check(ctx, known[i], false)
}
