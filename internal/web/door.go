package web

import (
	"crypto/rand"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"sync"
)

const (
	startPath = "/start"
	// cookiePrefix is followed by the port: a cookie is for all ports of a host.
	cookiePrefix = "payctl-ui-"
)

// door lets in who has a token. The start token opens once and leaves a cookie, so that
// an address in a history or a list of processes is worth nothing afterwards.
type door struct {
	mu                     sync.Mutex
	start, session, bearer string
	used                   bool
	cookie                 string
}

func newDoor(addr string) *door {
	_, port, _ := net.SplitHostPort(addr) // the guard has looked at it
	return &door{start: rand.Text(), session: rand.Text(), bearer: rand.Text(), cookie: cookiePrefix + port}
}

func (d *door) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == startPath && r.Method == http.MethodGet:
			d.enter(w, r)
		case d.knows(r):
			next.ServeHTTP(w, r)
		default:
			refuse(w)
		}
	})
}

// knows reports whether a request carries the cookie, or the token for scripts.
func (d *door) knows(r *http.Request) bool {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return same(token, d.bearer)
	}
	c, err := r.Cookie(d.cookie)
	return err == nil && same(c.Value, d.session)
}

// enter takes the start token. Whoever is inside may come by its address again.
func (d *door) enter(w http.ResponseWriter, r *http.Request) {
	if !d.spend(r.URL.Query().Get("token")) && !d.knows(r) {
		refuse(w)
		return
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // plain HTTP on loopback: Secure would keep it from being sent
		Name: d.cookie, Value: d.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && site != "same-origin" {
		// A redirect would go on as what another page began, without the strict cookie.
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en"><meta http-equiv="refresh" content="0;url=/"><title>payctl</title><p><a href="/">payctl ui</a></p></html>`))
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// spend reports whether a token is the start token, the first time that it is shown.
func (d *door) spend(token string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.used || !same(token, d.start) {
		return false
	}
	d.used = true
	return true
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// refuse says how to get in.
func refuse(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte(`<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>payctl ui</title>
<main><h1>This address has been used, or is not the whole one</h1>
<p>The address that <code>payctl ui</code> prints opens one browser, once. Start it again for a new one: <code>payctl ui --open</code>.
Scripts send <code>Authorization: Bearer TOKEN</code>, with the second line of <code>--ready-file</code>.</p></main></html>
`))
}
