package socketio

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/coder/websocket"
)

// engineCode is the code of a refused request, answered with a 400 and
// {"code":…,"message":…} (reference/socketio.md, server 1).
type engineCode int

const (
	codeUnknownTransport engineCode = iota
	codeUnknownSID
	codeBadMethod
	codeBadRequest
	codeForbidden
	codeUnsupportedVersion
)

func (c engineCode) message() string {
	switch c {
	case codeUnknownTransport:
		return "Transport unknown"
	case codeUnknownSID:
		return "Session ID unknown"
	case codeBadMethod:
		return "Bad handshake method"
	case codeBadRequest:
		return "Bad request"
	case codeForbidden:
		return "Forbidden"
	case codeUnsupportedVersion:
		return "Unsupported protocol version"
	default:
		return "Bad request"
	}
}

func refuse(w http.ResponseWriter, code engineCode) {
	status := http.StatusBadRequest
	if code == codeForbidden {
		status = http.StatusForbidden
	}
	body, err := json.Marshal(struct {
		Code    engineCode `json:"code"`
		Message string     `json:"message"`
	}{code, code.message()})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// ServeHTTP answers handshakes, polls, posts and websockets.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer s.leave()
	if !s.allowOrigin(w, r) {
		refuse(w, codeForbidden)
		return
	}
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	query := r.URL.Query()
	transport, sid := query.Get("transport"), query.Get("sid")
	upgrade := isUpgrade(r)
	if code, ok := s.check(r, transport, sid, upgrade); !ok {
		refuse(w, code)
		return
	}
	switch {
	case sid == "" && transport == TransportPolling:
		s.openPolling(w, r)
	case sid == "":
		s.openWebSocket(w, r)
	default:
		one := s.find(sid)
		switch {
		case one == nil:
			refuse(w, codeUnknownSID)
		case upgrade:
			one.serveUpgrade(w, r)
		case r.Method == http.MethodGet:
			one.servePoll(w, r)
		default:
			one.servePost(w, r)
		}
	}
}

// check makes the npm server's tests in its order, so that the codes agree.
func (s *Server) check(r *http.Request, transport, sid string, upgrade bool) (engineCode, bool) {
	version := r.URL.Query().Get("EIO")
	if !s.serves(transport) {
		return codeUnknownTransport, false
	}
	if sid != "" {
		one := s.find(sid)
		switch {
		case one == nil:
			return codeUnknownSID, false
		case version != protocolVersion, !upgrade && one.transport() != transport:
			return codeBadRequest, false
		case upgrade && transport != TransportWebSocket:
			return codeBadRequest, false
		case r.Method != http.MethodGet && r.Method != http.MethodPost:
			return codeBadMethod, false
		}
		return 0, true
	}
	switch {
	case r.Method != http.MethodGet:
		return codeBadMethod, false
	case (transport == TransportWebSocket) != upgrade:
		return codeBadRequest, false
	case version != protocolVersion:
		return codeUnsupportedVersion, false
	}
	return 0, true
}

func isUpgrade(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket") &&
		strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade")
}

// allowOrigin sets the CORS headers browsers need; false means that the origin
// is not one of those allowed.
func (s *Server) allowOrigin(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if len(s.opts.Origins) > 0 && !slices.Contains(s.opts.Origins, origin) {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	if r.Method != http.MethodOptions {
		return true
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Add("Vary", "Access-Control-Request-Headers")
		h.Set("Access-Control-Allow-Headers", asked)
	}
	return true
}

// newSession registers a session for a handshake request; nil means that it
// was refused.
func (s *Server) newSession(w http.ResponseWriter, r *http.Request, transport string) *session {
	one := newSession(s, r, transport)
	if !s.add(one) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return nil
	}
	one.begin()
	return one
}

func (s *Server) openPolling(w http.ResponseWriter, r *http.Request) {
	one := s.newSession(w, r, TransportPolling)
	if one == nil {
		return
	}
	open, err := one.openText()
	if err != nil {
		one.terminate(ReasonTransportError)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	writePayload(w, open, s.opts.PingTimeout)
}

func (s *Server) openWebSocket(w http.ResponseWriter, r *http.Request) {
	one := s.newSession(w, r, TransportWebSocket)
	if one == nil {
		return
	}
	ws, err := accept(w, r, s.opts.MaxPayload)
	if err != nil {
		one.terminate(ReasonTransportError)
		return
	}
	open, err := one.openText()
	if err != nil {
		one.terminate(ReasonTransportError)
		discard(ws)
		return
	}
	one.out.force(open)
	one.serveWebSocket(r, ws)
}

// accept answers the websocket handshake. The origin was checked before.
func accept(w http.ResponseWriter, r *http.Request, limit int64) (*websocket.Conn, error) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(limit)
	return ws, nil
}
