package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

const (
	// mostStreams bounds the open streams. The tabs of one browser share one.
	mostStreams = 32
	// streamRoom is how many messages wait for a slow reader; more are counted, not kept.
	streamRoom = 16
	// newsEvery is how often commits make a message at most, promptsEvery how often the
	// emulator's prompts are looked at, stripEvery how often the strip is.
	newsEvery    = 100 * time.Millisecond
	promptsEvery = 250 * time.Millisecond
	stripEvery   = 3 * time.Second
	// slowReader is how long a reader may take for a message.
	slowReader = 10 * time.Second
	// mostNews bounds the ids in a message.
	mostNews = 20
)

// news is a message of a stream: what has changed, never what it holds.
type news struct {
	Deliveries []string `json:"deliveries,omitempty"`
	// More says that there are others beside these.
	More bool `json:"more,omitempty"`
	// Dropped counts the messages before this one that the reader was too slow for.
	Dropped int `json:"dropped,omitempty"`
}

type message struct {
	id, kind string
	news     news
}

// subscriber is one open stream.
type subscriber struct {
	room    chan message
	dropped int
}

// hub tells the open streams what has changed. It looks while somebody listens.
type hub struct {
	s     *Server
	epoch string

	mu     sync.Mutex
	subs   map[*subscriber]struct{}
	n      int
	stop   context.CancelFunc
	wg     sync.WaitGroup
	closed bool
}

func newHub(s *Server) *hub {
	return &hub{s: s, epoch: rand.Text()[:8], subs: map[*subscriber]struct{}{}}
}

var errTooMany = errors.New("too many streams")

func (h *hub) join(ctx context.Context) (*subscriber, string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.subs) >= mostStreams {
		return nil, "", errTooMany
	}
	sub := &subscriber{room: make(chan message, streamRoom)}
	h.subs[sub] = struct{}{}
	if h.stop == nil {
		look, stop := context.WithCancel(context.WithoutCancel(ctx))
		h.stop = stop
		h.wg.Go(func() { h.look(look) })
	}
	return sub, h.current(), nil
}

func (h *hub) leave(sub *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.subs[sub]; !there {
		return
	}
	delete(h.subs, sub)
	if len(h.subs) == 0 && h.stop != nil {
		h.stop()
		h.stop = nil
	}
}

func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	for sub := range h.subs {
		delete(h.subs, sub)
		close(sub.room)
	}
	if h.stop != nil {
		h.stop()
		h.stop = nil
	}
	h.mu.Unlock()
	h.wg.Wait()
}

// current names the last message. h.mu is held.
func (h *hub) current() string { return h.epoch + "-" + strconv.Itoa(h.n) }

// tell hands a message to every stream; who has no room for it is told how many were
// left out.
func (h *hub) tell(kind string, n news) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n++
	for sub := range h.subs {
		m := message{id: h.current(), kind: kind, news: n}
		m.news.Dropped = sub.dropped
		select {
		case sub.room <- m:
			sub.dropped = 0
		default:
			sub.dropped++
		}
	}
}

// look follows the ledger, the emulator and the strip until nobody listens.
func (h *hub) look(ctx context.Context) {
	changes := h.s.Ledger.Changes(ctx)
	last := h.newest(ctx)
	var prompts, strip string
	tick := time.NewTicker(promptsEvery)
	defer tick.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	wanted := changes
	next := time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-wanted:
			if !open {
				return
			}
			n, newest := h.since(ctx, last)
			last = newest
			h.tell("change", n)
			wanted = nil // what comes meanwhile waits in the channel
			pause.Reset(newsEvery)
		case <-pause.C:
			wanted = changes
		case <-tick.C:
			if now := h.prompts(ctx); now != prompts {
				prompts = now
				h.tell("phone", news{})
			}
			if at := time.Now(); at.After(next) {
				next = at.Add(stripEvery)
				if now := h.s.stripText(ctx); now != strip {
					strip = now
					h.tell("strip", news{})
				}
			}
		}
	}
}

func (h *hub) newest(ctx context.Context) string {
	list, _, err := h.s.Ledger.Deliveries.List(ctx, store.DeliveryFilter{Limit: 1})
	if err != nil || len(list) == 0 {
		return ""
	}
	return list[0].ID
}

// since returns what arrived after a delivery, and the newest one.
func (h *hub) since(ctx context.Context, last string) (news, string) {
	var n news
	list, _, err := h.s.Ledger.Deliveries.List(ctx, store.DeliveryFilter{Limit: mostNews + 1})
	if err != nil || len(list) == 0 {
		return n, last
	}
	for i, d := range list {
		if d.ID == last {
			break
		}
		if i == mostNews {
			n.More = true
			break
		}
		n.Deliveries = append(n.Deliveries, d.ID)
	}
	return n, list[0].ID
}

// prompts is a hash of what the emulator's phones show, "" without an emulator.
func (h *hub) prompts(ctx context.Context) string {
	if h.s.Emulator == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var now [3]json.RawMessage
	for i, path := range []string{"prompts", "clock", "requests?direction=out&limit=5"} {
		if err := h.s.Emulator(ctx, http.MethodGet, path, nil, &now[i]); err != nil {
			return "none"
		}
	}
	if !strings.Contains(string(now[1]), `"virtual"`) {
		now[1] = nil // the real clock moves by itself
	}
	sum := sha256.New()
	for _, part := range now {
		_, _ = sum.Write(part) // a hash takes all
	}
	return string(sum.Sum(nil))
}

// serve is GET /events.
func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	to := http.NewResponseController(w)
	if !ok || r.Method != http.MethodGet {
		http.Error(w, "no stream", http.StatusMethodNotAllowed)
		return
	}
	sub, id, err := h.join(r.Context())
	if err != nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many streams are open; close some tabs", http.StatusServiceUnavailable)
		return
	}
	defer h.leave(sub)
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	// Who comes back learns whether anything was missed; what it was is on the page.
	seen := r.Header.Get("Last-Event-ID")
	if seen == "" {
		seen = r.URL.Query().Get("last")
	}
	kind := "hello"
	if seen != "" && seen != id {
		kind = "change"
	}
	if write(w, message{id: id, kind: kind}) != nil {
		return
	}
	flusher.Flush()
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		_ = to.SetWriteDeadline(time.Time{}) // a writer without deadlines waits
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			_ = to.SetWriteDeadline(time.Now().Add(slowReader))
			if _, err := w.Write([]byte(": still here\n\n")); err != nil {
				return
			}
		case m, open := <-sub.room:
			_ = to.SetWriteDeadline(time.Now().Add(slowReader))
			if !open || write(w, m) != nil {
				return
			}
		}
		flusher.Flush()
	}
}

func write(w http.ResponseWriter, m message) error {
	data, err := json.Marshal(m.news)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "retry: 1000\nid: %s\nevent: %s\ndata: %s\n\n", m.id, m.kind, data)
	return err
}

// busy is the error of a request for which there is no room now.
func busy() error {
	return &payment.Error{Kind: payment.KindUnavailable, Message: "too many searches run at once", Hint: "try again in a moment", Retryable: true}
}
