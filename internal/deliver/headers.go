package deliver

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// headers is the one place that says which headers go to a target: what came
// with the delivery, but for what relayed leaves out; then what the operator
// added; then payctl's own.
func (s *Sender) headers(r Request, local bool) http.Header {
	out := make(http.Header, len(r.Header)+len(r.Own)+2)
	for name, values := range r.Header {
		if isToken(name) && relayed(name, local) && sendable(values) {
			out[name] = values
		}
	}
	maps.Copy(out, s.o.Header)
	for name, values := range r.Own {
		if len(values) > 0 {
			out[name] = values
		}
	}
	if _, given := out["User-Agent"]; !given {
		out["User-Agent"] = nil // none came, so none is made up
	}
	delete(out, "Host")
	return out
}

// About is what payctl tells a target of a delivery beside the delivery itself.
type About struct {
	ID       string
	Provider payment.ProviderID
	// Event is nil where the body is none.
	Event   *payment.Event
	Verdict payment.Verdict
	// Reason, DuplicateOf (the delivery of which this is a copy) and SamePaymentAs (the first
	// one about the same payment) are "" where there is none.
	Reason, DuplicateOf, SamePaymentAs string
	// Attempt counts from 1.
	Attempt int
	// Replayed says that it is sent at an operator's word.
	Replayed bool
}

// HeaderDelivery names the delivery.
const HeaderDelivery = "X-Payctl-Delivery"

// headerReplay marks what is sent at an operator's word.
const headerReplay = "X-Payctl-Replay"

// mostOwn is how many headers About has.
const mostOwn = 9

// mostWord bounds what is said of a delivery in a header, in bytes.
const mostWord = 200

// Header returns it as payctl's own headers, which no stored header can set.
func (a About) Header() http.Header {
	h, all := make(http.Header, mostOwn), make([]string, 0, mostOwn)
	add := func(name, value string) {
		if value != "" {
			all = append(all, value)
			h[name] = all[len(all)-1 : len(all) : len(all)]
		}
	}
	add(HeaderDelivery, a.ID)
	add("X-Payctl-Provider", string(a.Provider))
	add("X-Payctl-Verdict", string(a.Verdict))
	add("X-Payctl-Attempt", strconv.Itoa(a.Attempt))
	if a.Event != nil {
		add("X-Payctl-Event", payment.Line(a.Event.Name, mostWord))
	}
	add("X-Payctl-Reason", payment.Line(a.Reason, mostWord))
	add("X-Payctl-Duplicate", payment.Line(a.DuplicateOf, mostWord))
	add("X-Payctl-Same-Payment-As", payment.Line(a.SamePaymentAs, mostWord))
	if a.Replayed {
		add(headerReplay, "1")
	}
	return h
}

// Forwarded reports whether a delivery came here from a payctl that forwards: one that is
// replayed is sent once, and goes round no loop.
func Forwarded(h http.Header) bool { return h.Get(HeaderDelivery) != "" && h.Get(headerReplay) == "" }

// relayed reports whether a header that came with a delivery goes on. What
// belongs to one hop of HTTP does not, nor whatever reads as payctl's own, since
// a sender could otherwise speak in payctl's name: many servers take "_" for "-".
// Authorization is the provider's credential: it goes to this machine only.
func relayed(name string, local bool) bool {
	switch name = folded(name); name {
	case "authorization":
		return local
	case "proxy", "x-forwarded-port", "x-forwarded-server", "x-real-ip", "cf-connecting-ip", "true-client-ip":
		return false // a target that trusts payctl's machine would believe them
	}
	return !reserved(name)
}

// reserved reports whether a header, by its folded name, is payctl's own or HTTP's.
func reserved(name string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
		"transfer-encoding", "upgrade", "host", "content-length", "accept-encoding", "expect",
		"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded":
		return true
	}
	return strings.HasPrefix(name, "x-payctl-")
}

// folded is a header's name as the most careless of servers reads it: CGI makes an
// underscore of whatever is neither letter nor digit.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, name)
}

// sendable reports whether a header's values can stand in a request.
func sendable(values []string) bool {
	for _, value := range values {
		if !isValue(value) {
			return false
		}
	}
	return true
}

func isValue(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// ParseHeaders reads headers of the form "Name: value". A name given twice has
// both values. Errors are KindUsage and name the header, never its value.
func ParseHeaders(lines []string) (http.Header, error) {
	out := http.Header{}
	for _, line := range lines {
		name, value, found := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case !found || !isToken(name):
			return nil, payment.Usage("header: is not a name, a colon and a value", "write --header 'X-Shop: nairobi'")
		case !isValue(value):
			return nil, payment.Usage(fmt.Sprintf("header %s: its value has a line end or another control character", name), "leave it out")
		case reserved(folded(name)) && !strings.EqualFold(name, "Host"):
			return nil, payment.Usage(fmt.Sprintf("header %s: is set by payctl or by HTTP itself", name), "choose another name")
		}
		out.Add(name, value)
	}
	return out, nil
}
