package daraja

import (
	"slices"

	"github.com/payctl/payctl/internal/payment"
)

// Explainer knows Daraja's codes.
type Explainer struct{}

// APIs implements payment.Explainer.
func (Explainer) APIs() []string {
	var out []string
	for _, api := range APIs() {
		out = append(out, string(api))
	}
	return out
}

// emptyMessage is how the catalogue marks a meaning that goes with an empty message.
const emptyMessage = "(empty message)"

// Codes implements payment.Explainer.
func (Explainer) Codes() []string {
	var out []string
	for _, e := range Catalogue() {
		if e.Code != "" && !slices.Contains(out, e.Code) {
			out = append(out, e.Code)
		}
	}
	return out
}

// Explain implements payment.Explainer.
func (Explainer) Explain(code string, q payment.CodeQuery) []payment.Meaning {
	if q.Message != "" {
		if e, known := Explain(q.API, code, q.Message); known {
			return meanings(e)
		}
		return nil
	}
	all := slices.DeleteFunc(ExplainAll(code), func(e Explanation) bool {
		return q.API != "" && !slices.Contains(e.APIs, API(q.API)) && !slices.Contains(e.APIs, APIAny)
	})
	if i := slices.IndexFunc(all, func(e Explanation) bool { return e.Message == emptyMessage }); q.HasMessage && i >= 0 {
		all = all[i : i+1]
	}
	return meanings(all...)
}

// ExplainPayload implements payment.Explainer.
func (Explainer) ExplainPayload(text []byte, _ bool, q payment.CodeQuery) (payment.Explained, bool) {
	e, found := ExplainPayload(text)
	if !found {
		return payment.Explained{}, false
	}
	if q.Message != "" {
		e.Message = q.Message
	}
	if q.API != "" || q.Message != "" {
		if narrowed, known := Explain(q.API, e.Code, e.Message); known {
			e = narrowed
		}
	}
	out := payment.Explained{Code: e.Code, Message: e.Message}
	if e.Meaning != "" {
		out.Meanings = meanings(e)
		out.Meanings[0].Message = "" // it stands beside the code
	}
	return out, true
}

func meanings(all ...Explanation) []payment.Meaning {
	var out []payment.Meaning
	for _, e := range all {
		m := payment.Meaning{
			Provider: payment.Daraja, Message: e.Message, HTTPStatus: e.HTTP, Class: e.Class.String(), Final: e.Final, Text: e.Meaning,
			Retry: e.Retry, Wait: e.Wait, Next: e.Next, Proof: string(e.Proof), ProofText: e.Proof.Words(), Source: e.Source,
		}
		for _, api := range e.APIs {
			m.APIs = append(m.APIs, string(api))
		}
		out = append(out, m)
	}
	return out
}
