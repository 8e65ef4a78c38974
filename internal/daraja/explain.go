package daraja

import (
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Explanation is the catalogue's word on a code, for people. It is read from
// the table that settles payments.
type Explanation struct {
	// APIs are the ones the explanation holds for.
	APIs []API
	Code string
	// Message is the provider's text that the explanation was found with, "" if none.
	Message string
	// HTTP are the statuses that the code comes with, nil where there is none.
	HTTP  []int
	Class Class
	// Kind is what a script may conclude from a command that ends with the code, by
	// which the exit code is chosen; of no meaning where Succeeds.
	Kind payment.Kind
	// Final says that the code decides: of a payment, or of the request that got it.
	Final   bool
	Meaning string
	// Retry says whether and when to try again, Wait the shortest sensible pause.
	Retry string
	Wait  time.Duration
	// Next is the command or the step to take next.
	Next  string
	Proof Proof
	// Source is where people can read it.
	Source string
}

// explain words the row for a code of an API; "" is the first of the row's own.
func (r row) explain(api API, code, message string) Explanation {
	if api == "" {
		api = r.where[0]
	}
	e := Explanation{
		APIs: slices.Clone(r.where), Code: code, Message: shown(message), HTTP: slices.Clone(r.http), Class: r.class, Kind: r.kindIn(api),
		Meaning: r.meaning, Retry: r.retry, Wait: r.wait, Next: r.next, Proof: r.proof, Source: r.shownSource(),
	}
	switch r.class {
	case ClassPaid, ClassFailed, ClassRefused, ClassCredentials, ClassDone:
		e.Final = true
	case ClassUnknown, ClassPending, ClassToken, ClassBusy:
	}
	return e
}

// Explain returns what a code means in an API, told apart by the provider's
// message where the code alone has several meanings (500.001.1001). With an
// empty api the APIs are tried in the order of APIs, so that a bare code gets
// the meaning it has for a push. It returns false for a code that is not in
// the catalogue.
func Explain(api, code, message string) (Explanation, bool) {
	code = strings.TrimSpace(code)
	if code == "" {
		return Explanation{}, false
	}
	places := []API{API(strings.ToLower(api))}
	if api == "" {
		if found, ok := byWords(code, message); ok {
			return found.explain("", code, message), true
		}
		places = APIs()
	}
	for _, place := range places {
		for _, known := range [...]string{code, strings.ToUpper(code), strings.ToLower(code)} {
			if found, ok := explainRow(place, known, message); ok {
				return found.explain(place, known, message), true
			}
		}
	}
	return Explanation{}, false
}

// explainRow is lookup for people, who often know neither message nor status:
// then the row that asks for neither goes before those that do.
func explainRow(api API, code, message string) (row, bool) {
	if message != "" {
		return lookup(api, 0, code, message)
	}
	for _, r := range rowsOf(code) {
		if !r.empty && r.message == "" && r.http == nil && r.holds(api, 0, "") {
			return r, true
		}
	}
	return lookup(api, 0, code, message)
}

// byWords finds the row whose part of a message stands in this message,
// whatever the API.
func byWords(code, message string) (row, bool) {
	for _, r := range rowsOf(code) {
		if r.message != "" && strings.Contains(strings.ToLower(message), r.message) {
			return r, true
		}
	}
	return row{}, false
}

func rowsOf(code string) []row {
	var out []row
	for _, table := range tables() {
		for i := range table {
			if table[i].names(code) {
				out = append(out, table[i])
			}
		}
	}
	return out
}

// ExplainAll returns every meaning of a code in the catalogue's order, each
// with the APIs and the part of the message that it holds for; nil for an
// unknown code.
func ExplainAll(code string) []Explanation {
	var out []Explanation
	code = strings.TrimSpace(code)
	for _, known := range [...]string{code, strings.ToUpper(code), strings.ToLower(code)} {
		for _, r := range rowsOf(known) {
			e := r.explain("", known, r.message)
			if r.empty {
				e.Message = "(empty message)"
			}
			out = append(out, e)
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// Catalogue returns every row, for lists and for tests of other packages.
func Catalogue() []Explanation {
	var out []Explanation
	for _, table := range tables() {
		for i := range table {
			out = append(out, table[i].explain("", table[i].code, table[i].message))
		}
	}
	return out
}
