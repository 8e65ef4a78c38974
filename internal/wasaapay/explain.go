package wasaapay

import (
	"slices"
	"strconv"
	"strings"
)

// Meaning is what a status, an HTTP code, an event or a known contradiction of
// WasaaPay's means. The vendor's own error codes are not published, so none
// are here (reference/wasaapay.md §5).
type Meaning struct {
	// Code is as it stands on the wire; contradictions are C1 to C21.
	Code string
	// Title says what it is in a few words.
	Title string
	// Final says that a deposit is decided by it.
	Final bool
	// Retryable says that the same call may be made again.
	Retryable bool
	// Advice is what to do next.
	Advice string
	// Section is where reference/wasaapay.md tells more, "§7.4", for whoever changes
	// this; people are shown Source.
	Section string
}

// Source says where people can read it: the vendor's page (reference/wasaapay.md §0),
// or that there is none. No page states what an HTTP code means but those of §2 and §3.
func (m Meaning) Source() string {
	const docs = "developers.wasaapay.com/docs"
	switch m.Section {
	case "§2", "§2, §11.4", "§3":
		return docs + "/authentication"
	case "§7.4":
		return docs + "/payment-status"
	case "§11.3":
		return docs + "/webhooks"
	case "§15":
		return docs + ", pages that disagree"
	}
	return "not in WasaaPay's documentation"
}

// Explain looks a code up. Case does not matter, and an event may be written
// with a colon.
func Explain(code string) (Meaning, bool) {
	code = strings.TrimSpace(code)
	if strings.Count(code, ":") == 1 {
		code = strings.Replace(code, ":", ".", 1)
	}
	code = strings.TrimPrefix(strings.ToLower(code), "http ")
	all := Catalogue()
	i := slices.IndexFunc(all, func(m Meaning) bool { return strings.EqualFold(m.Code, code) })
	if i < 0 {
		return Meaning{}, false
	}
	return all[i], true
}

// Catalogue returns everything that Explain knows: statuses, HTTP codes,
// events, then contradictions.
func Catalogue() []Meaning {
	return slices.Concat(states(), httpCodes(), eventMeanings(), contradictions())
}

func states() []Meaning {
	return []Meaning{
		{Code: "PENDING", Title: "the deposit is accepted and not decided", Advice: "wait: the customer has 2 minutes; then ask once more", Section: "§7.4"},
		{Code: "COMPLETED", Title: "the customer paid and the wallet is credited", Final: true, Advice: "nothing to do; keep the receipt number", Section: "§7.4"},
		{Code: "FAILED", Title: "the deposit failed, was cancelled or timed out", Final: true, Advice: "failureReason says more, for people only; a new attempt is a new deposit with a new idempotency key", Section: "§7.4"},
	}
}

func httpCodes() []Meaning {
	return []Meaning{
		{Code: "200", Title: "answered; success: false in the body still means refused", Advice: "read data.status", Section: "§5"},
		{Code: "201", Title: "created", Advice: "keep data.id", Section: "§6"},
		{Code: "202", Title: "accepted, not decided", Advice: "keep data.id and follow the deposit", Section: "§6"},
		{Code: "400", Title: "the request was refused for what it said", Advice: "correct the fields; the names of the request are inferred and --field can add others", Section: "§7.2"},
		{Code: "401", Title: "the API key was refused; from a webhook receiver: the signature does not fit", Advice: "check the key and its environment, or the webhook secret", Section: "§2, §11.4"},
		{Code: "403", Title: "the key is valid but may not do this from here", Advice: "check the IP allow-list under Partner Settings in the dashboard", Section: "§2"},
		{Code: "404", Title: "no such deposit for this key, or not WasaaPay's API at all", Advice: "check the id, the environment and base_url", Section: "§7.3"},
		{Code: "408", Title: "the server gave up waiting for the request", Retryable: true, Advice: "try again with the same idempotency key", Section: "§5"},
		{Code: "409", Title: "the request collides with an earlier one; what that means here is not documented", Advice: "ask for the deposit before creating another", Section: "§4"},
		{Code: "413", Title: "the body is too large; payctl's listener refuses more than 1 MiB", Advice: "look at who sent it: no webhook is that large", Section: "§11.4"},
		{Code: "425", Title: "the server will not risk an early request", Retryable: true, Advice: "try again with the same idempotency key", Section: "§5"},
		{Code: "429", Title: "the rate limit is used up: 60 a minute and 1,000 an hour in the sandbox, 120 and 5,000 in production", Retryable: true, Advice: "wait for Retry-After or X-RateLimit-Reset", Section: "§3"},
		{Code: "500", Title: "WasaaPay failed; the request may have taken effect", Retryable: true, Advice: "try again with the same idempotency key only", Section: "§5"},
		{Code: "502", Title: "a gateway got no usable answer; the request may have taken effect", Retryable: true, Advice: "try again with the same idempotency key only", Section: "§5"},
		{Code: "503", Title: "not available now; from a webhook receiver: not stored, send it again", Retryable: true, Advice: "try again with the same idempotency key only", Section: "§5, §11.1"},
		{Code: "504", Title: "a gateway waited too long; the request may have taken effect", Retryable: true, Advice: "try again with the same idempotency key only", Section: "§5"},
	}
}

func eventMeanings() []Meaning {
	titles := []string{
		"a deposit was requested; no proof that the prompt reached the phone",
		"the customer paid and the wallet is credited",
		"the deposit failed, was cancelled or timed out",
		"a withdrawal was submitted",
		"the withdrawn funds were sent to the recipient",
		"a withdrawal failed",
		"a transfer between wallets was completed",
		"a transfer between wallets failed",
		"a bill payment was submitted",
		"a bill was paid",
		"a bill payment failed",
	}
	out := make([]Meaning, 0, len(titles))
	for i, name := range Events() {
		m := Meaning{Code: name, Title: titles[i], Section: "§11.3", Advice: "its data is not documented: it is kept as it came and moves no deposit"}
		family, step, _ := strings.Cut(name, ".")
		m.Final = step != "initiated"
		if family == "deposit" {
			m.Advice = "a deposit moves on it once its signature fits and data.status says the same"
		}
		out = append(out, m)
	}
	return out
}

// contradictions are those of reference/wasaapay.md §15, with what payctl does.
func contradictions() []Meaning {
	rows := [...][2]string{
		{"two families of key prefixes are documented", "both are known; a key of another form needs only the profile's environment"},
		{"paths are given with and without /api/v1", "/api/v1/partner is always sent; base_url may be either form"},
		{"the sandbox has a socket host of its own but no REST host", "base_url and socket_url are separate settings"},
		{"the socket's address is written as one URL with a path", "/partner/socket is the Engine.IO path, in the main namespace"},
		{"webhooks name events with a dot, the socket with a colon", "both become the dotted name"},
		{"webhooks say data.depositId, the socket and REST say id", "whichever is there; if they disagree, nothing moves"},
		{"amounts are strings in payloads, of no given type in requests", "either is read into cents, never through a float"},
		{"webhook times have no fraction, socket times have milliseconds", "both are read"},
		{"every POST needs an idempotency key, one sample has none", "one is always sent"},
		{"sandbox wallets are funded, and are not", "take it as zero and check the balance"},
		{"answer 200, and any 2xx counts", "payctl answers exactly 200"},
		{"five retries, and failed after 5 attempts", "expect up to 6 deliveries"},
		{"deposit.initiated is the prompt sent, or the request made", "it is PENDING and no more"},
		{"deposit.failed includes timeouts, or does not", "all are FAILED; failureReason is for showing"},
		{"poll for at most 2 minutes, or 276 s, or 130 s", "130 s, one last question, then undecided"},
		{"subscribe at once, or after authenticated", "payctl waits for authenticated for a short time, then subscribes"},
		{"the socket has 5 events, webhooks have 11", "nothing else is waited for on the socket"},
		{"wallets are KES only, PayPal deposits are not", "a currency that is given is kept; KES otherwise"},
		{"the signature is checked over a re-serialised body; nobody says how it is made", "the re-serialised text or the raw body without the member may fit"},
		{"data is there on success only, or always", "it may be absent anywhere"},
		{"webhook samples have 7 data fields, socket samples 15", "all but id and status are optional"},
	}
	out := make([]Meaning, 0, len(rows))
	for i, row := range rows {
		out = append(out, Meaning{Code: "C" + strconv.Itoa(i+1), Title: row[0], Advice: row[1], Section: "§15"})
	}
	return out
}
