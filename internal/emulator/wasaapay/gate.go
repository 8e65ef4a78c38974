package wasaapay

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// gate is what every request to the API passes: key, rate, idempotency, and how it is refused.
type gate struct {
	e *engine.Engine

	replies replyBook
	window  rateWindow
}

func (g *gate) reset() { g.replies, g.window = newReplyBook(), rateWindow{} }

// before checks the key and the rate, and applies the faults that strike before the API sees the request.
func (g *gate) before(c *engine.Call) bool {
	g.e.Lock()
	defer g.e.Unlock()
	on := g.e.Behaviours
	if g.e.EdgeFault(c) {
		return true
	}
	if !g.keyFits(c.Request.Header.Get("X-API-Key"), c.API) {
		reason := "the header X-API-Key does not hold the emulator's key"
		if c.Request.Header.Get("X-API-Key") == "" {
			reason = "the header X-API-Key is missing"
		}
		g.failLocked(c, fault{http.StatusUnauthorized, "INVALID_API_KEY", "Invalid or missing API key", reason})
		return true
	}
	limited := g.limit(c)
	switch {
	case on.Roll("ip-not-listed", c.API) != nil:
		g.failLocked(c, fault{http.StatusForbidden, "IP_NOT_ALLOWED", "IP address is not allowed", "behaviour ip-not-listed"})
	case limited:
		g.failLocked(c, fault{http.StatusTooManyRequests, "RATE_LIMITED", "Too many requests", "behaviour rate-limit"})
	case on.Roll("internal-error", c.API) != nil:
		g.failLocked(c, fault{http.StatusInternalServerError, "INTERNAL", "Internal server error", "behaviour internal-error"})
	default:
		return false
	}
	return true
}

// keyFits compares a key with the local one; any-credentials takes any. The lock is held.
func (g *gate) keyFits(key, api string) bool {
	if key != "" && g.e.Behaviours.Get("any-credentials", api) != nil {
		return true
	}
	return subtle.ConstantTimeCompare([]byte(key), []byte(engine.Credentials().WasaaPayAPIKey)) == 1
}

// Sandbox rate (reference/wasaapay.md §3).
const (
	sandboxRate   = 60
	sandboxWindow = time.Minute
)

// rateWindow counts the requests of one window of the clock.
type rateWindow struct {
	end  time.Time
	used int
}

// limit counts a request, sets the rate headers, and reports whether the behaviour rate-limit refuses it. Without that
// behaviour the count is only shown, and the remainder never falls below one: a client that paces itself by it must not
// be slowed down in a test that has nothing to do with rates (payctl convention).
func (g *gate) limit(c *engine.Call) bool {
	on := g.e.Behaviours
	most, span := sandboxRate, sandboxWindow
	enforced := on.Roll("rate-limit", c.API)
	if enforced != nil {
		most, span = enforced.Count, max(enforced.Duration, time.Second)
	}
	now := g.e.Now()
	if !now.Before(g.window.end) || g.window.end.Sub(now) > span {
		g.window = rateWindow{end: now.Truncate(span).Add(span)}
	}
	g.window.used++
	left := max(most-g.window.used, 0)
	if enforced == nil {
		left = max(left, 1)
	}
	wait := g.window.end.Sub(now)
	reset := strconv.FormatInt(g.window.end.Unix(), 10)
	switch on.Choice("rate-limit-reset", c.API, "seconds") {
	case "milliseconds":
		reset = strconv.FormatInt(g.window.end.UnixMilli(), 10)
	case "delta":
		reset = strconv.FormatInt(ceilSeconds(wait), 10)
	case "missing":
		reset = ""
	}
	c.Set("X-Ratelimit-Limit", strconv.Itoa(most))
	c.Set("X-Ratelimit-Remaining", strconv.Itoa(left))
	c.Set("X-Ratelimit-Reset", reset)
	if enforced == nil || g.window.used <= most {
		return false
	}
	if on.Roll("retry-after-missing", c.API) == nil {
		c.Set("Retry-After", strconv.FormatInt(ceilSeconds(wait), 10))
	}
	return true
}

func ceilSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// writer carries out one POST with the lock held. It fills in the answer and may return a webhook that overtakes it.
type writer func(c *engine.Call, f engine.Fields) *engine.Delivery

// savedReply is the first answer to an idempotency key.
type savedReply struct {
	Key    string    `json:"key"` // path and key: keys of two endpoints do not meet (payctl convention)
	Sum    string    `json:"sum"` // of the request
	Status int       `json:"status"`
	Answer string    `json:"answer"`
	At     time.Time `json:"at"`
	ID     string    `json:"id"` // of what was made, for the log
}

// replyBook keeps answers, oldest first in order.
type replyBook struct {
	all   map[string]*savedReply
	order []*savedReply
}

// Bounds of the idempotency keys; their lifetime is not documented (payctl convention: one day).
const (
	replyLife  = 24 * time.Hour
	maxReplies = 200_000
	maxKey     = 255
)

func newReplyBook() replyBook { return replyBook{all: map[string]*savedReply{}} }

func (b *replyBook) add(r *savedReply) {
	b.all[r.Key] = r
	b.order = append(b.order, r)
	for len(b.order) > 0 && (len(b.order) > maxReplies || r.At.Sub(b.order[0].At) >= replyLife) {
		if oldest := b.order[0]; b.all[oldest.Key] == oldest {
			delete(b.all, oldest.Key)
		}
		b.order[0] = nil
		b.order = b.order[1:]
	}
}

func (b *replyBook) find(key string, now time.Time) *savedReply {
	r := b.all[key]
	if r == nil || now.Sub(r.At) >= replyLife {
		return nil
	}
	return r
}

// write makes the handler of a POST (reference/wasaapay.md §4): the key is required except for a preview, whose sample
// has none; a key seen before gets the first answer again. Payctl conventions: the same key with another body is a 409,
// and only answers of success are kept, so that a corrected request may use its key again.
func (g *gate) write(run writer) func(*engine.Call) {
	return func(c *engine.Call) {
		early := g.writeLocked(c, run)
		if early != nil {
			g.e.Sender.Deliver(early)
		}
	}
}

func (g *gate) writeLocked(c *engine.Call, run writer) *engine.Delivery {
	g.e.Lock()
	defer g.e.Unlock()
	invalid := func(reason string) *engine.Delivery {
		g.failLocked(c, fault{http.StatusBadRequest, "INVALID_REQUEST", reason, reason})
		return nil
	}
	if !strings.Contains(strings.ToLower(c.Request.Header.Get("Content-Type")), "json") {
		return invalid("the content type must be application/json")
	}
	f, err := engine.ParseFields(c.Body)
	if err != nil {
		return invalid(err.Error())
	}
	key := c.Request.Header.Get("X-Idempotency-Key")
	switch {
	case key == "" && c.API != apiTransferPreview:
		return invalid("the header X-Idempotency-Key is required on every POST")
	case len(key) > maxKey:
		return invalid("the header X-Idempotency-Key is longer than 255 characters")
	case key == "" || g.e.Behaviours.Roll("idempotency-ignored", c.API) != nil:
		return run(c, f)
	}
	saved := &savedReply{Key: c.Request.URL.Path + " " + key, Sum: requestSum(c.Body), At: g.e.Now()}
	if first := g.replies.find(saved.Key, saved.At); first != nil {
		c.Subject = first.ID
		if first.Sum != saved.Sum {
			g.failLocked(c, fault{
				http.StatusConflict, "IDEMPOTENCY_CONFLICT", "This idempotency key was used with another request body",
				"X-Idempotency-Key was used before with another body",
			})
			return nil
		}
		c.Status, c.Kind, c.Answer, c.Reason = first.Status, typePartner, []byte(first.Answer), "the first answer to this X-Idempotency-Key"
		return nil
	}
	early := run(c, f)
	if !c.Refused {
		saved.Status, saved.Answer, saved.ID = c.Status, string(c.Answer), c.Subject
		g.replies.add(saved)
		g.e.Touch()
	}
	return early
}

// requestSum identifies a body whatever its spaces and the order of its keys.
func requestSum(body []byte) string {
	var value any
	if json.Unmarshal(body, &value) == nil {
		body = engine.Encode(value)
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:16])
}
