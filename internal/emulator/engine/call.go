package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// Bounds of a request, and the content type of the gateways.
const (
	MaxBody      = 1 << 20 // bytes of a request that are read
	bodyPatience = 10 * time.Second
	TypeJSON     = "application/json;charset=UTF-8"
)

// APIUnknown is the API of a path that no provider has.
const APIUnknown = "unknown"

// Failures of reading a request, told apart for the dialect.
var (
	ErrBodyTooLarge = errors.New("the body is larger than 1 MiB")
	errBodyBroken   = errors.New("the body did not arrive completely")
)

// Call is one request on its way through the emulator, and the answer it gets.
type Call struct {
	Engine  *Engine
	Request *http.Request
	API     string
	Body    []byte
	begun   time.Time
	bodyErr error

	Status  int
	Kind    string // content type of the answer
	Answer  []byte
	header  http.Header // further headers of the answer, nil for none
	Refused bool
	Reason  string        // in plain words, for the log
	Subject string        // the payment's id, for the log
	cut     bool          // the connection is cut instead of answering
	slept   chan struct{} // closed once a call that waited on the clock has been logged
}

// Dialect is how one provider refuses what no handler of its own should see. Each function fills in the answer.
type Dialect struct {
	Provider  string
	WrongVerb func(*Call)
	BadBody   func(*Call, error)
	// Before may answer in the handler's stead and then returns true; after may change or cut the answer.
	Before func(*Call) bool
	After  func(*Call)
}

// Route is one path of a provider.
type Route struct {
	API    string
	Method string
	Path   string
	Run    func(*Call)
}

// Serve registers a route on its path.
func (e *Engine) Serve(mux *http.ServeMux, d Dialect, rt Route) {
	mux.Handle(rt.Path, e.Handle(d, rt))
}

// Handle makes the handler of a route: the body is read once and bounded, the verb checked, faults applied, the
// exchange logged.
func (e *Engine) Handle(d Dialect, rt Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &Call{Engine: e, Request: r, API: rt.API, begun: e.Now(), Status: http.StatusOK, Kind: TypeJSON}
		c.Body, c.bodyErr = readBody(w, r, e.Patience)
		switch {
		case rt.Method != "" && r.Method != rt.Method:
			c.Refused, c.Reason = true, "the verb must be "+rt.Method+", not "+r.Method
			d.WrongVerb(c)
		case c.bodyErr != nil:
			c.Refused, c.Reason = true, c.bodyErr.Error()
			d.BadBody(c, c.bodyErr)
		case d.Before(c):
		default:
			rt.Run(c)
		}
		d.After(c)
		e.Journal.Add(c.exchange(d.Provider))
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
	if r.ContentLength > MaxBody {
		return nil, ErrBodyTooLarge
	}
	slow := http.NewResponseController(w)
	deadlines := slow.SetReadDeadline(time.Now().Add(patience)) == nil // not offered without a socket
	var body []byte
	var err error
	if r.ContentLength > 0 {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, body)
	} else {
		body, err = io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	}
	if err != nil {
		return nil, errBodyBroken
	}
	if len(body) > MaxBody {
		return nil, ErrBodyTooLarge
	}
	if deadlines {
		_ = slow.SetReadDeadline(time.Time{})
	}
	return body, nil
}

func (c *Call) exchange(provider string) Exchange {
	x := Exchange{
		Time: c.begun.UTC(), Direction: DirectionIn, Provider: provider, API: c.API,
		Method: c.Request.Method, URL: c.Request.URL.RequestURI(), RequestBody: string(c.Body),
		Status: c.Status, ResponseBody: string(c.Answer), PaymentID: c.Subject,
		Refused: c.Refused, Reason: c.Reason, DurationMS: c.Engine.Now().Sub(c.begun).Milliseconds(),
	}
	if c.cut {
		x.Status, x.ResponseBody = 0, ""
	}
	return x
}

// write sends the answer. A cut connection is cut as net/http wants it: by its own sentinel, which it does not report.
func (c *Call) write(w http.ResponseWriter) {
	if c.cut {
		panic(http.ErrAbortHandler)
	}
	header := w.Header()
	maps.Copy(header, c.header)
	header["Content-Type"] = []string{c.Kind}
	header["Content-Length"] = []string{strconv.Itoa(len(c.Answer))}
	if c.bodyErr != nil {
		header.Set("Connection", "close")
	}
	w.WriteHeader(c.Status)
	_, _ = w.Write(c.Answer) // a client that has gone away is its own concern
}

// Reply fills in a JSON answer.
func (c *Call) Reply(status int, value any) {
	c.Status, c.Kind, c.Answer = status, TypeJSON, Encode(value)
}

// Encode is JSON as the gateways write it: without HTML escapes and on one line.
func Encode(value any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return []byte("null") // unreachable for the plain structs and maps encoded here
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// RefuseRaw answers with bytes of another kind; the reason must have been set.
func (c *Call) RefuseRaw(status int, kind, body string) {
	c.Refused = true
	c.Status, c.Kind, c.Answer = status, kind, []byte(body)
}

// Set adds a header to the answer; an empty value leaves it out. The name must be in canonical form.
func (c *Call) Set(name, value string) {
	if value == "" {
		return
	}
	if c.header == nil {
		c.header = http.Header{}
	}
	c.header[name] = []string{value}
}
