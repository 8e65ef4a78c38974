package daraja

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
	"github.com/payctl/payctl/internal/timing"
)

// param is one ResultParameter; a nil value is left out (reference/daraja.md §6.3).
type param struct {
	Key   string          `json:"Key"`
	Value json.RawMessage `json:"Value,omitempty"`
}

func textParam(key, value string) param   { return param{key, quoted(value)} }
func numberParam(key, value string) param { return param{key, json.RawMessage(value)} }

// verdict is what became of a question.
type verdict struct {
	code      string
	desc      string
	params    []param
	reference any    // ReferenceItem: one param or several
	txn       string // TransactionID; the pseudo-id when empty
	original  string // OriginatorConversationID of the transaction that was asked about
	reason    string // for the log
	lone      string // the parameter that stays when the list collapses
}

// envelope is the body of a result (reference/daraja.md §6.3).
type envelope struct {
	ResultType               json.RawMessage
	ResultCode               json.RawMessage
	ResultDesc               string
	OriginatorConversationID string
	ConversationID           string
	TransactionID            string
	ResultParameters         *parameters    `json:",omitempty"`
	ReferenceData            *referenceData `json:",omitempty"`
}

type parameters struct{ ResultParameter any }

type referenceData struct{ ReferenceItem any }

const successText = "The service request is processed successfully."

func failed(code, desc, reason string) verdict {
	return verdict{code: code, desc: desc, reason: reason}
}

// conclude carries the question out and posts its result. The lock is held.
func (r *results) conclude(q *question, api *resultAPI) {
	var v verdict
	if q.fault != "" {
		v = failed("2001", "The initiator information is invalid.", q.fault)
	} else {
		v = api.run(q)
	}
	r.e.Touch()
	if v.reference == nil {
		v.reference = r.referenceOf(q)
	}
	r.sendResult(q, outResult, q.resultURL, r.envelopeOf(q, &v), v.reason)
}

// referenceOf is the ReferenceItem of an API: the occasion for status, else an internal address (reference/daraja.md §10.2).
func (r *results) referenceOf(q *question) any {
	switch q.api {
	case apiB2B: // of a failure; a success names its bill (reference/daraja.md §10.2)
		return []param{internalQueue(q.api), {Key: doubledS}}
	case apiStatus:
	default:
		return internalQueue(q.api)
	}
	occasion := q.f.Get("Occasion").Plain()
	if occasion == "" {
		return param{Key: "Occasion"}
	}
	return textParam("Occasion", occasion)
}

func (r *results) envelopeOf(q *question, v *verdict) envelope {
	on := r.e.Behaviours
	portal := q.api == apiB2B && on.Roll("b2b-portal-shape", q.api) != nil
	text := portal || on.Roll("result-string-codes", q.api) != nil
	env := envelope{
		ResultType: resultCode("0", text), ResultCode: resultCode(v.code, text), ResultDesc: v.desc,
		OriginatorConversationID: q.originator, ConversationID: q.conversation, TransactionID: v.txn,
		ReferenceData: &referenceData{v.reference},
	}
	if v.code != "0" && portal {
		env.ReferenceData = &referenceData{internalQueue(q.api)}
	}
	if env.TransactionID == "" {
		env.TransactionID = mpesa.NoReceipt(r.e.Now())
	}
	if v.original != "" && on.Roll("result-echo-original", q.api) != nil {
		env.OriginatorConversationID = v.original
	}
	switch {
	case v.code != "0" && portal: // its own sample of a collapsed list (reference/daraja.md §6.3.2)
		env.ResultParameters = &parameters{numberParam("BOCompletedTime", mpesa.Stamp(r.e.Now()))}
	case len(v.params) > 0:
		env.ResultParameters = &parameters{r.shape(q.api, v)}
	}
	return env
}

// shape applies the quirks of reference/daraja.md §6.3 to the parameters.
func (r *results) shape(api string, v *verdict) any {
	on := r.e.Behaviours
	list := v.params
	if on.Roll("result-collapse", api) != nil {
		for i := range list {
			if list[i].Key == v.lone {
				return list[i]
			}
		}
		return list[len(list)-1]
	}
	bare := on.Roll("result-missing-values", api) != nil
	numbers := on.Roll("result-number-values", api) != nil
	spaced := on.Roll("result-spaced-keys", api) != nil
	repeated := on.Roll("result-repeated-key", api) != nil
	for i := range list {
		value := string(list[i].Value)
		if bare && value == `""` {
			list[i].Value = nil
		}
		if inner := strings.Trim(value, `"`); numbers && strings.Trim(inner, "0123456789") == "" && inner != "" &&
			(strings.HasSuffix(list[i].Key, "Time") || list[i].Key == "Amount") {
			list[i].Value = json.RawMessage(inner)
		}
		if repeated && list[i].Key == "CreditPartyName" {
			list[i].Key = "DebitPartyName"
		}
		if spaced {
			list[i].Key = spacedKey(list[i].Key)
		}
	}
	return list
}

func spacedKey(key string) string {
	switch key {
	case "OriginatorConversationID":
		return "Originator Conversation ID"
	case "ConversationID":
		return "Conversation ID"
	case "FinalisedTime":
		return "FinalizedTime"
	default:
		return key
	}
}

// expireQuestion posts to the QueueTimeOutURL. No source shows a real body: one client assumes the same envelope, another
// receives the request itself (reference/daraja.md §6.5).
func (r *results) expireQuestion(q *question) {
	const note = "the request expired in the queue (result-timeout)"
	if r.e.Behaviours.Roll("timeout-echo", q.api) != nil {
		r.send(q, outTimeout, q.timeoutURL, q.body, note)
		return
	}
	r.sendResult(q, outTimeout, q.timeoutURL, envelope{
		ResultType: json.RawMessage("1"), ResultCode: json.RawMessage("1"), ResultDesc: "The service request has timed out.",
		OriginatorConversationID: q.originator, ConversationID: q.conversation, TransactionID: mpesa.NoReceipt(r.e.Now()),
		ReferenceData: &referenceData{r.referenceOf(q)},
	}, note)
}

func (r *results) sendResult(q *question, class, url string, env envelope, note string) {
	r.send(q, class, url, engine.Encode(map[string]envelope{"Result": env}), note)
}

func (r *results) send(q *question, class, url string, body []byte, note string) {
	r.e.Emit(&engine.Delivery{
		Provider: providerDaraja, Class: class, Subject: q.conversation, URL: url, Note: note,
		Header: map[string][]string{"Content-Type": {engine.TypeJSON}}, Body: body,
	}, 0)
}

// dayTime is the form of TransactionCompletedDateTime (reference/daraja.md §10.2).
func dayTime(t time.Time) string { return t.In(timing.EAT()).Format("02.01.2006 15:04:05") }

// internalQueue is the reference item that shows an address inside the gateway (reference/daraja.md §10.2).
func internalQueue(api string) param {
	if api == apiBalance {
		api = "ab"
	}
	return textParam("QueueTimeoutURL", "https://internalsandbox.safaricom.co.ke/mpesa/"+api+"results/v1/submit")
}
