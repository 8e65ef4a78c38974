package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	maxBody      = 1 << 20 // bytes of a request that are read
	bodyPatience = 10 * time.Second
	typeJSON     = "application/json;charset=UTF-8"
)

// apiUnknown is the API of a path that no provider has.
const apiUnknown = "unknown"

// Failures of reading a request, told apart for the dialect.
var (
	errBodyTooLarge = errors.New("the body is larger than 1 MiB")
	errBodyBroken   = errors.New("the body did not arrive completely")
)

// call is one request on its way through the emulator, and the answer it gets.
type call struct {
	e       *engine
	r       *http.Request
	api     string
	body    []byte
	begun   time.Time
	bodyErr error

	status  int
	kind    string // content type of the answer
	answer  []byte
	header  http.Header // further headers of the answer, nil for none
	refused bool
	reason  string        // in plain words, for the log
	subject string        // the payment's id, for the log
	cut     bool          // the connection is cut instead of answering
	slept   chan struct{} // closed once a call that waited on the clock has been logged
}

// dialect is how one provider refuses what no handler of its own should see. Each function fills in the answer.
type dialect struct {
	provider  string
	wrongVerb func(*call)
	badBody   func(*call, error)
	// before may answer in the handler's stead and then returns true; after may change or cut the answer.
	before func(*call) bool
	after  func(*call)
}

// route is one path of a provider.
type route struct {
	api    string
	method string
	path   string
	run    func(*call)
}

// serve registers a route on its path.
func (e *engine) serve(mux *http.ServeMux, d dialect, rt route) {
	mux.Handle(rt.path, e.handle(d, rt))
}

// handle makes the handler of a route: the body is read once and bounded, the verb checked, faults applied, the
// exchange logged.
func (e *engine) handle(d dialect, rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{e: e, r: r, api: rt.api, begun: e.now(), status: http.StatusOK, kind: typeJSON}
		c.body, c.bodyErr = readBody(w, r, e.patience)
		switch {
		case rt.method != "" && r.Method != rt.method:
			c.refused, c.reason = true, "the verb must be "+rt.method+", not "+r.Method
			d.wrongVerb(c)
		case c.bodyErr != nil:
			c.refused, c.reason = true, c.bodyErr.Error()
			d.badBody(c, c.bodyErr)
		case d.before(c):
		default:
			rt.run(c)
		}
		d.after(c)
		e.journal.add(c.exchange(d.provider))
		if c.slept != nil {
			close(c.slept)
		}
		c.write(w)
	}
}

// readBody reads at most maxBody bytes. A sender that takes longer than patience or breaks off gives errBodyBroken.
func readBody(w http.ResponseWriter, r *http.Request, patience time.Duration) ([]byte, error) {
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength > maxBody {
		return nil, errBodyTooLarge
	}
	slow := http.NewResponseController(w)
	deadlines := slow.SetReadDeadline(time.Now().Add(patience)) == nil // not offered without a socket
	var body []byte
	var err error
	if r.ContentLength > 0 {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, body)
	} else {
		body, err = io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	}
	if err != nil {
		return nil, errBodyBroken
	}
	if len(body) > maxBody {
		return nil, errBodyTooLarge
	}
	if deadlines {
		_ = slow.SetReadDeadline(time.Time{})
	}
	return body, nil
}

func (c *call) exchange(provider string) Exchange {
	x := Exchange{
		Time: c.begun.UTC(), Direction: DirectionIn, Provider: provider, API: c.api,
		Method: c.r.Method, URL: c.r.URL.RequestURI(), RequestBody: string(c.body),
		Status: c.status, ResponseBody: string(c.answer), PaymentID: c.subject,
		Refused: c.refused, Reason: c.reason, DurationMS: c.e.now().Sub(c.begun).Milliseconds(),
	}
	if c.cut {
		x.Status, x.ResponseBody = 0, ""
	}
	return x
}

// write sends the answer. A cut connection is cut as net/http wants it: by its own sentinel, which it does not report.
func (c *call) write(w http.ResponseWriter) {
	if c.cut {
		panic(http.ErrAbortHandler)
	}
	header := w.Header()
	for name, values := range c.header {
		header[name] = values
	}
	header["Content-Type"] = []string{c.kind}
	header["Content-Length"] = []string{strconv.Itoa(len(c.answer))}
	if c.bodyErr != nil {
		header.Set("Connection", "close")
	}
	w.WriteHeader(c.status)
	_, _ = w.Write(c.answer) // a client that has gone away is its own concern
}

// reply fills in a JSON answer.
func (c *call) reply(status int, value any) {
	c.status, c.kind, c.answer = status, typeJSON, encode(value)
}

// encode is JSON as the gateways write it: without HTML escapes and on one line.
func encode(value any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return []byte("null") // unreachable for the plain structs and maps encoded here
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// refuseRaw answers with bytes of another kind; the reason must have been set.
func (c *call) refuseRaw(status int, kind, body string) {
	c.refused = true
	c.status, c.kind, c.answer = status, kind, []byte(body)
}

// set adds a header to the answer; an empty value leaves it out. The name must be in canonical form.
func (c *call) set(name, value string) {
	if value == "" {
		return
	}
	if c.header == nil {
		c.header = http.Header{}
	}
	c.header[name] = []string{value}
}
