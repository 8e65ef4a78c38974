package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path"
	"strings"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/front"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// controlPath is the prefix of the emulator's own routes, which no provider has.
const controlPath = "/_emulator/"

// controlError is what the control plane answers to a request that it cannot carry out.
type controlError struct {
	Error string `json:"error"`
}

// newHandler puts every provider and the control plane on one mux behind the guard; stranger answers for the paths that
// nobody has. Paths are taken literally: a mux would redirect what is not clean, and a gateway does not.
func (e *Emulator) newHandler(stranger http.HandlerFunc) (http.Handler, error) {
	guard := &front.Guard{Control: controlPath, Refused: e.refused}
	for _, name := range e.opts.PublicHosts {
		host, err := front.PublicHost(name)
		if err != nil {
			return nil, fmt.Errorf("public host %w", err)
		}
		guard.PublicHosts = append(guard.PublicHosts, host)
	}
	mux := http.NewServeMux()
	for _, p := range e.parts {
		p.Routes(mux)
	}
	(&control{em: e, e: e.engine}).routes(mux)
	mux.Handle("/", stranger)
	return guard.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.Path
		if p == "" || p[0] != '/' || p != "/" && path.Clean(p) != strings.TrimSuffix(p, "/") {
			stranger(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})), nil
}

// refused logs a request that the guard kept out.
func (e *Emulator) refused(r *http.Request, answer, reason string) {
	e.engine.Journal.Add(engine.Exchange{
		Time: e.engine.Now().UTC(), Direction: engine.DirectionIn, Provider: "emulator", API: engine.APIUnknown, Method: r.Method,
		URL: r.URL.RequestURI(), Status: http.StatusForbidden, ResponseBody: answer, Refused: true, Reason: reason,
	})
}

// control is the emulator's own routes.
type control struct {
	em *Emulator
	e  *engine.Engine
}

// routes registers the control plane. It answers JSON and is meant for loopback use.
func (c *control) routes(mux *http.ServeMux) {
	routes := c.table()
	for _, rt := range routes {
		mux.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) { serveControl(w, r, rt.run) })
	}
	mux.HandleFunc(controlPath, func(w http.ResponseWriter, r *http.Request) {
		known := []string{}
		for _, rt := range routes {
			known = append(known, rt.pattern+"  "+rt.does)
		}
		status := http.StatusOK
		if r.URL.Path != controlPath {
			status = http.StatusNotFound
		}
		writeJSON(w, status, map[string]any{"routes": known})
	})
}

// controlRoute is one route of the control plane; run returns what to answer.
type controlRoute struct {
	pattern string
	does    string
	run     func(r *http.Request) (any, error)
}

func (c *control) table() []controlRoute {
	return []controlRoute{
		{"GET /_emulator/requests", "exchanges, oldest first; ?direction=in|out &api= &refused=true &limit=N &phones=full", c.getRequests},
		{"GET /_emulator/state", "customers, balances, receipts, payments; ?phones=full", c.getState},
		{"POST /_emulator/reset", "forget all state and exchanges; behaviours stay", c.postReset},
		{"GET /_emulator/behaviours", "every behaviour, and how it is set", c.getBehaviours},
		{"POST /_emulator/behaviours", `{"weather":"realistic","set":["NAME=VALUE"],"unset":["NAME"]}, or {"name":"NAME","value":"VALUE"}`, c.postBehaviours},
		{"DELETE /_emulator/behaviours", "switch all off", c.deleteBehaviours},
		{"DELETE /_emulator/behaviours/{name}", "switch one off", c.deleteBehaviours},
		{"GET /_emulator/clock", "mode, time, and what is due", c.getClock},
		{"POST /_emulator/clock", `{"advance":"90s"} or {"advance":"next"}: run what is due, then answer (virtual clock)`, c.postClock},
		{"GET /_emulator/prompts", "open prompts; ?phone=2547…", c.getPrompts},
		{"POST /_emulator/answer", `{"id":"ID","outcome":"paid"}: play the payer; ID is any id of the payment, or the phone`, c.postAnswer},
		{"POST /_emulator/emit", `{"event":"withdrawal.completed","id":"","amount":"250.00","reference":""}: make an event, on the socket too`, c.postEmit},
		{"POST /_emulator/play", `{"steps":[{"provider":"daraja","event":"stk.completed","url":"http://…","body":"{…}","after":"2s"}]}: send payloads one after the other`, c.postPlay},
		{"GET /_emulator/statement", "what the portal would have exported; ?from= &to= &family=B|C|D &shortcode=", c.getStatement},
		{"GET /_emulator/outcomes", "outcomes by name, phone ending and amount", func(*http.Request) (any, error) { return mpesa.Outcomes(), nil }},
		{"GET /_emulator/weathers", "the presets", func(*http.Request) (any, error) { return Weathers(), nil }},
		{"GET /_emulator/certificate", "PEM certificate that SecurityCredential is encrypted with", c.getCertificate},
		{"GET /_emulator/ca", "PEM certificate of the authority behind HTTPS and the proxy", c.getCA},
		{"GET /_emulator/env", "environment variables for clients", c.getEnv},
	}
}

// rawText is an answer that is not JSON.
type rawText struct{ kind, text string }

func serveControl(w http.ResponseWriter, r *http.Request, run func(*http.Request) (any, error)) {
	answer, err := run(r)
	switch text, isText := answer.(rawText); {
	case errors.Is(err, engine.ErrNotFound):
		writeJSON(w, http.StatusNotFound, controlError{err.Error()})
	case errors.Is(err, engine.ErrConflict), errors.Is(err, engine.ErrClockReal), errors.Is(err, engine.ErrClockBusy):
		writeJSON(w, http.StatusConflict, controlError{err.Error()})
	case err != nil:
		writeJSON(w, http.StatusBadRequest, controlError{err.Error()})
	case isText:
		w.Header().Set("Content-Type", text.kind)
		_, _ = w.Write([]byte(text.text))
	default:
		writeJSON(w, http.StatusOK, answer)
	}
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(engine.Encode(value), '\n'))
}

// readControl decodes the body of a control request strictly: a misspelt key is an error, not a surprise.
func readControl(r *http.Request, into any) error {
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, engine.MaxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("the body is not the JSON that is wanted here: %w", err)
	}
	return nil
}

func (c *control) getEnv(r *http.Request) (any, error) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	// The profile too: without one, payctl takes credentials in the environment for a
	// sandbox's that were forgotten.
	all := map[string]string{"PAYCTL_PROFILE": "local"}
	base := scheme + "://" + r.Host
	all["EMULATOR_CONTROL_URL"] = base + controlPath
	maps.Copy(all, c.em.dropInEnv(base))
	for _, p := range c.em.parts {
		maps.Copy(all, p.Env(base))
	}
	return all, nil
}
