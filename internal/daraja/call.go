package daraja

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
)

// reply is an answer with what it proves.
type reply struct {
	api    API
	status int
	header http.Header
	body   []byte
	// root is the body's tree, the zero node when it is not JSON.
	root node
	json bool
	// code and message are errorCode and errorMessage or the fault's, without
	// what they quote of the request's secrets.
	code    string
	message string
	// row is the catalogue's word on an answer that is not a plain success.
	row row
	// hide takes what the request carried in secret out of a text.
	hide func(string) string
}

// read looks at the status first and at the body second: the edge answers with
// HTML, and wrong keys with nothing at all (reference/daraja.md §2).
func read(api API, resp *apiclient.Response) reply {
	r := reply{api: api, status: resp.Status, header: resp.Header, body: resp.Body, hide: resp.Hide}
	r.root, r.json = parseTree(resp.Body)
	if r.json {
		r.code = r.root.get("errorcode").scalar()
		r.message = r.root.get("errormessage").scalar()
		if fault := r.root.get("fault"); fault.kind == '{' {
			r.code = fault.get("detail").get("errorcode").scalar()
			r.message = fault.get("faultstring").scalar()
		}
		if fault, ok := soapFault(r.root); ok {
			r.code, r.message = codeFault, fault
		}
		r.code, r.message = r.hide(r.code), r.hide(r.message)
	}
	r.row = classify(api, r)
	return r
}

// soapFault returns the text of a SOAP fault dressed as JSON (reference/daraja.md §14).
func soapFault(root node) (string, bool) {
	fault := root.get("envelope").get("body").get("fault")
	if fault.kind != '{' {
		return "", false
	}
	for _, key := range [...]string{"faultstring", "faultcode"} {
		if text := fault.get(key).scalar(); text != "" {
			return text, true
		}
	}
	return "", true
}

// classify looks the answer up by API, status, code and message, never by the
// code alone (reference/daraja.md §3.4).
func classify(api API, r reply) row {
	code := r.code
	switch {
	case r.status == http.StatusTooManyRequests:
		code = codeLimited
	case code == "" && (r.status == http.StatusUnauthorized || saysToken(r)):
		code = codeDenied
	case code != "":
	case len(bytes.TrimSpace(r.body)) == 0:
		code = codeEmpty
	case !r.json:
		code = codeHTML
	}
	if found, ok := lookup(api, r.status, code, r.message); ok {
		return found
	}
	if r.status == http.StatusUnauthorized || saysToken(r) {
		found, _ := lookup(api, r.status, codeDenied, "")
		return found
	}
	return row{code: code, class: ClassUnknown}
}

// saysToken tells a refused token by the words, under whatever code: they come
// with HTTP 400, 401 and 404 (§3.4).
func saysToken(r reply) bool {
	return strings.Contains(strings.ToLower(r.message), "invalid access token")
}

// bare tells an HTTP 200 that carries no error.
func (r reply) bare() bool {
	return r.status == http.StatusOK && r.json && r.root.kind == '{' && r.code == ""
}

// succeeded reads ResponseCode: "0", in old answers "00000000" (§3.3, §10.1).
func (r reply) succeeded() bool {
	code := r.root.get("responsecode").scalar()
	return r.bare() && code != "" && strings.Trim(code, "0") == ""
}

// named reports whether the answer has an id that only an accepted request is given
// (§3.3): whatever its status says, the request may have been taken.
func (r reply) named() bool {
	return r.root.get("checkoutrequestid").scalar() != "" || r.root.get("conversationid").scalar() != ""
}

// call posts one authorised request. A token that is not accepted is thrown
// away and the request repeated once: the gateway turned it down before M-PESA
// saw anything (§2), unless the answer names the request all the same. Nothing
// else is ever repeated here.
func (c *Client) call(ctx context.Context, api API, endpoint, path string, body any) (reply, error) {
	refused := ""
	for {
		value, err := c.tokens.get(ctx, refused)
		if err != nil {
			return reply{}, err
		}
		resp, err := c.http.Do(ctx, apiclient.Request{
			Method: http.MethodPost, URL: c.base + path, JSON: body, Endpoint: endpoint,
			Header: http.Header{"Authorization": {"Bearer " + value}}, Secrets: append(c.secrets(body), value),
		})
		if err != nil {
			return reply{}, err
		}
		r := read(api, resp)
		c.hold(ctx, r)
		if r.row.class != ClassToken || refused != "" || r.named() {
			return r, nil
		}
		refused = value
	}
}

// word is the text of a member of the answer without the request's secrets.
func (r reply) word(key string) string { return r.hide(r.root.get(key).scalar()) }

// secretive is a body with values that are as good as the secrets they are made from.
type secretive interface{ secrets() []string }

// secrets are the values that an answer to a request with this body may quote
// and nobody may read.
func (c *Client) secrets(body any) []string {
	out := []string{c.cfg.ConsumerKey.Reveal(), c.cfg.ConsumerSecret.Reveal(), c.cfg.Passkey.Reveal(), c.cfg.InitiatorPassword.Reveal()}
	if b, ok := body.(secretive); ok {
		out = append(out, b.secrets()...)
	}
	return out
}

// problem words an answer that is not a success. The kind follows the class;
// callers whose request moves money decide about ClassUnknown themselves.
func (c *Client) problem(endpoint string, r reply) *payment.Error {
	e := &payment.Error{Kind: r.row.kindIn(r.api), Provider: payment.Daraja, ProviderCode: r.code, Hint: advice(r.row)}
	said := describe(r)
	switch r.row.class {
	case ClassRefused:
		e.Message = endpoint + ": " + c.host + " refused the request: " + said
	case ClassCredentials:
		e.Message = endpoint + ": " + c.host + " refused the credentials: " + said
	case ClassToken:
		e.Message = endpoint + ": " + c.host + " refused a new access token: " + said
		e.Hint = "the key is for the other host, or the app lacks this API product, or the token expired at once"
	case ClassBusy:
		e.Retryable = true
		e.Message = endpoint + ": " + c.host + " did not take the request now: " + said
		e.Err = pause{c.pauseFor(r)}
	case ClassUnknown, ClassPending, ClassPaid, ClassFailed, ClassDone:
		e.Kind, e.Retryable = payment.KindUnavailable, true
		e.Message = endpoint + ": no usable answer from " + c.host + ": " + said
		e.Err = pause{c.pauseFor(r)}
	}
	return e
}

// noAnswer is problem for a request that moves no money, and may be sent again
// whatever became of it: the catalogue's advice on an answer that proves nothing
// is for those that do.
func (c *Client) noAnswer(endpoint string, r reply, hint string) *payment.Error {
	e := c.problem(endpoint, r)
	switch {
	case r.row.class != ClassUnknown:
	case r.status == http.StatusNotFound && r.code == "":
		e.Hint = hintPath
	default:
		e.Hint = hint
	}
	return e
}

// pauseFor is Retry-After where the gateway sent one, else the catalogue's wait for a
// rate that was too high. Any other trouble is one request's: an HTML page from the edge
// is no reason for all others to wait, and who asks again backs off by itself.
func (c *Client) pauseFor(r reply) time.Duration {
	if wait, ok := apiclient.RetryAfter(r.header, c.cfg.Now()); ok {
		return wait
	}
	if r.row.limit {
		return r.row.wait
	}
	return 0
}

// pause is the cause of an error that is over after a while. Callers find it
// with errors.As and an interface{ RetryAfter() time.Duration }.
type pause struct{ wait time.Duration }

// Error says how long.
func (p pause) Error() string { return "try again after " + p.wait.String() }

// RetryAfter is the shortest sensible wait.
func (p pause) RetryAfter() time.Duration { return p.wait }

// describe shows what came: code, message and status, without tokens and phones.
func describe(r reply) string {
	status := "HTTP " + strconv.Itoa(r.status)
	switch {
	case r.code != "" || r.message != "":
		return strings.TrimSpace(apiclient.Redact([]byte(r.code+" "+r.message))) + " (" + status + ")"
	case len(bytes.TrimSpace(r.body)) == 0:
		return "an empty answer (" + status + ")"
	case !r.json:
		return "something other than JSON (" + status + ")"
	}
	code, text := r.word("responsecode"), r.word("responsedescription")
	if code != "" || text != "" {
		return strings.TrimSpace(apiclient.Redact([]byte(code+" "+text))) + " (" + status + ")"
	}
	return "an answer without a code (" + status + "): " + payment.Cut(apiclient.Redact([]byte(r.hide(string(r.body)))), maxQuoted)
}

// maxQuoted is how many bytes of an answer in an unknown form are shown.
const maxQuoted = 160

// advice is the catalogue's meaning and retry advice as one hint.
func advice(r row) string {
	switch {
	case r.meaning == "" && isCode(r.code):
		return "see payctl explain daraja " + r.code
	case r.meaning == "":
		return hintNoCode
	case r.retry == "":
		return r.meaning
	}
	return r.meaning + "; try again: " + r.retry
}

// hintPath is for who does not know a path that Daraja has.
const hintPath = "the server at base_url does not have this call, or is not Daraja: check base_url with payctl config show"

const hintNoCode = "it came without a code to look up; --verbose shows the exchange"

// isCode tells what has the form of a code, so that a hint can show it as part
// of a command: the provider chose it, and a shell may read it.
func isCode(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '.', c == '_':
		default:
			return false
		}
	}
	return s != "" && len(s) <= maxKeyPart && payment.MaskDigits(s) == s
}

// harmless takes the mark of an unknown outcome off a transport error of a
// call that moves no money: asking again costs nothing.
func harmless(err error) error {
	var e *payment.Error
	if !errors.As(err, &e) || !errors.Is(err, payment.ErrOutcomeUnknown) {
		return err
	}
	out := *e
	out.Err, out.Retryable = nil, true
	out.Hint = "check the network and the profile's base_url"
	switch {
	case errors.Is(err, context.Canceled):
		out.Err, out.Hint = context.Canceled, "" // the operator knows why
	case errors.Is(err, context.DeadlineExceeded):
		out.Err = context.DeadlineExceeded
	}
	return &out
}

func interrupted(endpoint string, err error) error {
	kind := payment.KindInterrupted
	if errors.Is(err, context.DeadlineExceeded) {
		kind = payment.KindUnavailable
	}
	return &payment.Error{Kind: kind, Retryable: true, Message: endpoint + ": stopped while waiting for an access token", Provider: payment.Daraja, Err: err}
}
