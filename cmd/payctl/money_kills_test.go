//go:build !windows

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// killings is a shop whose processes are killed at random moments while its ledger is
// moved away and put back, against an emulator whose answers and callbacks get lost.
type killings struct {
	*shop
	emulator string
	addr     string
	asked    atomic.Int64
	kills    atomic.Int64
	moves    atomic.Int64
	restarts atomic.Int64
	// prompts are all that the emulator has told of, by its id: it forgets old ones.
	prompts map[string]prompt
}

// prompt is what a customer was asked for, and the receipt if it was paid.
type prompt struct {
	ID        string `json:"checkout_request_id"`
	Reference string `json:"reference"`
	Receipt   string `json:"receipt"`
}

// wasaapay is the same of WasaaPay's, which has a reference of its own.
type wasaapay struct {
	ID        string `json:"id"`
	Reference string `json:"external_reference"`
	Receipt   string `json:"receipt"`
}

// TestMoneyKills kills commands that ask for money, and the listener, with -9, moves the
// ledger among them, and then holds the ledger against what the emulator's customers did:
// nobody was asked twice, no prompt is unknown, and every payment is COMPLETED or in
// visible doubt. 40 kills here; PAYCTL_TORTURE (make torture) makes it 1,000.
func TestMoneyKills(t *testing.T) {
	t.Parallel()
	kills := int64(40)
	if os.Getenv("PAYCTL_TORTURE") != "" {
		kills = 1000
	}
	if n, err := strconv.ParseInt(os.Getenv("PAYCTL_TORTURE_KILLS"), 10, 64); err == nil {
		kills = n
	}
	start := time.Now()
	k := &killings{shop: newShop(t, "", ""), addr: freeAddress(t), prompts: map[string]prompt{}}
	k.emulator = k.background("emulator", "--addr", "127.0.0.1:0", "--seed", "7", "--callback-delay", "20ms", "--webhook-url", "http://"+k.addr+"/callbacks/wasaapay")
	k.env = append(k.env, "PAYCTL_DARAJA_BASE_URL="+k.emulator, "PAYCTL_CALLBACK_URL=http://"+k.addr,
		"PAYCTL_WASAAPAY_BASE_URL="+k.emulator+"/api/v1/partner", "PAYCTL_WASAAPAY_SOCKET_URL="+k.emulator)
	k.must(0, "daraja", "pull", "register", "--phone", "0722345050")
	// What a customer does follows from the number's end; this one is no special one.
	k.must(0, "deposit", "create", "--phone", "0722340050", "--amount", "1", "--reference", "FIRST")

	ctx, stop := context.WithCancel(t.Context())
	var others errgroup.Group
	others.Go(func() error { return k.listenAndDie(ctx) })
	others.Go(func() error { return k.move(ctx) })
	others.Go(func() error { return k.weather(ctx) })
	var workers errgroup.Group
	for range 3 {
		workers.Go(func() error {
			for k.kills.Load() < kills || k.moves.Load() < 3 || k.restarts.Load() < 2 {
				if err := k.askAndDie(t.Context(), k.asked.Add(1)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := workers.Wait()
	stop()
	if err == nil {
		err = others.Wait()
	}
	if err != nil {
		t.Fatal(err)
	}
	k.settle()
	k.hold()
	t.Logf("%d kills -9 of %d commands and %d of the listener, %d moves of the ledger, in %s",
		k.kills.Load(), k.asked.Load(), k.restarts.Load(), k.moves.Load(), time.Since(start).Round(time.Second))
}

// freeAddress is a loopback address that nothing listens on, below those that systems give
// out by themselves.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := "127.0.0.1:" + strconv.Itoa(20000+rand.IntN(4000))
		if ln, err := net.Listen("tcp", addr); err == nil {
			if err := ln.Close(); err != nil {
				t.Fatal(err)
			}
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

func (s *shop) must(code int, args ...string) ran {
	s.t.Helper()
	got := s.run(args...)
	if got.code != code {
		s.t.Fatalf("payctl %s: exit %d, want %d: %s%s", strings.Join(args, " "), got.code, code, got.stdout, got.stderr)
	}
	return got
}

// askAndDie asks one customer, and kills the command at some moment of it. A command that
// was not killed in time counts for none.
func (k *killings) askAndDie(ctx context.Context, n int64) error {
	provider := "daraja"
	if n%3 == 0 {
		provider = "wasaapay"
	}
	cmd := exec.CommandContext(ctx, "payctl", "deposit", "create", "--provider", provider, "--phone", fmt.Sprintf("07223%05d", n), "--amount", strconv.FormatInt(100+n%700, 10),
		"--reference", fmt.Sprint("K-", n), "--idempotency-key", fmt.Sprint("key-", n), "--wait", "--via", []string{"callback", "poll"}[n%2], "--timeout", "20s", "-q")
	cmd.Env, cmd.Dir = k.env, k.dir
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(time.Duration(rand.IntN(150)) * time.Millisecond):
		if cmd.Process.Kill() == nil {
			k.kills.Add(1)
		}
		<-ended
	}
	if rand.IntN(3) > 0 {
		return nil
	}
	// Whoever runs the same again, as a supervisor does, asks nobody twice.
	again := exec.CommandContext(ctx, "payctl", append(cmd.Args[1:], "--timeout", "8s")...)
	again.Env, again.Dir = k.env, k.dir
	_ = again.Run() // it may come to anything
	return nil
}

// listenAndDie keeps a listener running that is killed now and then.
func (k *killings) listenAndDie(ctx context.Context) error {
	for ctx.Err() == nil {
		cmd := exec.CommandContext(ctx, "payctl", "listen", "--addr", k.addr, "-q")
		cmd.Env, cmd.Dir = k.env, k.dir
		if err := cmd.Start(); err != nil {
			return err
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		select {
		case <-ended: // the ledger was replaced, say
		case <-ctx.Done():
		case <-time.After(time.Duration(500+rand.IntN(3000)) * time.Millisecond):
			if cmd.Process.Kill() == nil {
				k.kills.Add(1)
				k.restarts.Add(1)
			}
		}
		<-ended
	}
	return nil
}

// move takes the ledger's file away and puts it back. Something that is no ledger lies in
// its place meanwhile: in the local environment a missing one would be made anew.
func (k *killings) move(ctx context.Context) error {
	path, away, plug := filepath.Join(k.dir, "ledger.db"), filepath.Join(k.dir, "away.db"), filepath.Join(k.dir, "plug")
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(500+rand.IntN(2000)) * time.Millisecond):
		}
		if err := os.Symlink("/nonexistent", plug); err != nil {
			return err
		}
		// Never is there no file of that name.
		if err := os.Link(path, away); err != nil {
			return err
		}
		if err := os.Rename(plug, path); err != nil {
			return err
		}
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
		if err := os.Rename(away, path); err != nil {
			return err
		}
		k.moves.Add(1)
	}
}

// weather loses answers and callbacks, now and then.
func (k *killings) weather(ctx context.Context) error {
	for {
		set := [][]string{{}, {}, {"answer-lost@push"}, {"callback-lost"}, {"callback-duplicate"}, {"request-lost@push"}, {"answer-lost=0.5", "socket-event-lost"}}[rand.IntN(7)]
		if err := k.behave(ctx, set...); err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // it was to end
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(700 * time.Millisecond):
		}
		if err := k.collect(); err != nil {
			return err
		}
	}
}

func (k *killings) behave(ctx context.Context, set ...string) error {
	body, err := json.Marshal(map[string]any{"weather": "calm", "set": append([]string{}, set...)})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, k.emulator+"/_emulator/behaviours", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Payctl-Control", "1")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("behaviours %v: %d %s", set, resp.StatusCode, text)
	}
	return nil
}

// settle brings a quiet day: a listener that lives, and a resolve of all that is in doubt.
func (k *killings) settle() {
	k.t.Helper()
	if err := k.behave(k.t.Context()); err != nil {
		k.t.Fatal(err)
	}
	k.background("listen", "--addr", k.addr)
	for range 3 {
		if got := k.run("deposit", "resolve", "--all", "--older-than", "0s", "-o", "json"); got.code == 0 {
			return
		}
	}
}

// collect takes in what the emulator's customers were asked for, and what became of it.
func (k *killings) collect() error {
	resp, err := http.Get(k.emulator + "/_emulator/state?phones=full")
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var state struct {
		Daraja struct {
			Payments []prompt `json:"payments"`
		} `json:"daraja"`
		WasaaPay struct {
			Deposits []wasaapay `json:"deposits"`
		} `json:"wasaapay"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
		return err
	}
	for _, p := range state.Daraja.Payments {
		k.prompts[p.ID] = p
	}
	for _, p := range state.WasaaPay.Deposits {
		k.prompts[p.ID] = prompt(p)
	}
	return nil
}

// truth is how often each reference was asked for, and its receipt if it was paid.
func (k *killings) truth() (prompts map[string]int, paid map[string]string) {
	k.t.Helper()
	if err := k.collect(); err != nil {
		k.t.Fatal(err)
	}
	prompts, paid = map[string]int{}, map[string]string{}
	for _, p := range k.prompts {
		prompts[p.Reference]++
		if p.Receipt != "" {
			paid[p.Reference] = p.Receipt
		}
	}
	return prompts, paid
}

// hold holds the ledger against the truth.
func (k *killings) hold() {
	k.t.Helper()
	prompts, paid := k.truth()
	list := k.must(0, "deposit", "list", "--limit", "0", "-o", "json")
	var deposits []struct {
		Provider  string  `json:"provider"`
		Reference string  `json:"reference"`
		Status    string  `json:"status"`
		Receipt   *string `json:"receipt"`
		Conflict  any     `json:"conflict"`
		Doubts    []any   `json:"doubts"`
	}
	if err := json.Unmarshal([]byte(list.stdout), &deposits); err != nil {
		k.t.Fatal(err)
	}
	count := map[string]int{}
	known := map[string]bool{}
	for _, d := range deposits {
		count[d.Status]++
		known[d.Reference] = true
		doubt := d.Conflict != nil || len(d.Doubts) > 0
		if doubt {
			count["in doubt"]++
		}
		receipt, wasPaid := paid[d.Reference]
		switch {
		case prompts[d.Reference] > 0 && d.Status == "CREATED":
			k.t.Errorf("%s: the customer was asked, and the ledger says CREATED", d.Reference)
		case d.Status == "COMPLETED" && !wasPaid:
			k.t.Errorf("%s is COMPLETED, and nobody paid", d.Reference)
		case d.Status == "COMPLETED" && d.Receipt != nil && *d.Receipt != receipt && !doubt:
			k.t.Errorf("%s: receipt %s, want %s", d.Reference, *d.Receipt, receipt)
		case wasPaid && d.Status == "FAILED" && !doubt:
			k.t.Errorf("%s was paid, and is FAILED without a doubt", d.Reference)
		case wasPaid && d.Provider == "wasaapay" && d.Status == "UNKNOWN":
			count["UNKNOWN at WasaaPay, to be repeated under the key"]++ // which lists no payments
		case wasPaid && d.Status != "COMPLETED" && d.Status != "FAILED" && !doubt:
			k.t.Errorf("%s was paid, and is %s after resolving, without a doubt", d.Reference, d.Status)
		}
	}
	for reference, n := range prompts {
		if n > 1 {
			k.t.Errorf("%s: the customer was asked %d times", reference, n)
		}
		if !known[reference] {
			k.t.Errorf("%s: the ledger does not know that the customer was asked", reference)
		}
	}
	for _, args := range [][]string{{"ledger", "check"}, {"ledger", "verify"}} {
		k.must(0, args...)
	}
	k.t.Logf("%d prompts, %d paid; the ledger: %v", len(prompts), len(paid), count)
}
