package wasaapay

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// webhooks are what WasaaPay posts to the one address of the partner.
type webhooks struct {
	e   *engine.Engine
	url string
}

// retrySchedule are the pauses after failed attempts, one after the other: six deliveries at most
// (reference/wasaapay.md §11.1 and §15, C12). A retry carries the same bytes as the first attempt; whether the provider
// stamps it anew is not known.
func retrySchedule() []time.Duration {
	return []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 12 * time.Hour}
}

// depositData is the data of a deposit's webhook (reference/wasaapay.md §11.2), with the reason where one failed.
func depositData(v depositView) jsObject {
	amount, _ := v.Amount.(string)
	return textMembers("depositId", v.ID, "reference", v.Reference, "externalReference", v.External, "amount", amount,
		"status", v.Status, "provider", v.Provider, "receiptNumber", v.Receipt, "failureReason", v.FailureReason)
}

// awkwardText holds what trips verifiers that do not serialise as JavaScript does (reference/wasaapay.md §11.4).
const awkwardText = "O'Brien & Sons <Café> \u2028\u2029 \x7f \t \"50%\" / 🙂"

// make makes a signed webhook of the event, with the behaviours that spoil it. The lock is held.
func (h *webhooks) make(event string, data jsObject, subject string) *engine.Delivery {
	on := h.e.Behaviours
	if on.Roll("webhook-awkward-text", outWebhook) != nil {
		data = append(data, jsMember{"description", awkwardText})
	}
	if on.Roll("webhook-amount-number", outWebhook) != nil {
		data = numberAmount(data)
	}
	if on.Roll("failure-reason-missing", outWebhook) != nil {
		data = data.without("failureReason")
	}
	creds := engine.Credentials()
	payload := jsObject{
		{"event", event},
		{"timestamp", h.e.Now().UTC().Format("2006-01-02T15:04:05Z")},
		{"partnerId", creds.WasaaPayPartner},
		{"environment", "SANDBOX"},
		{"signature", ""},
		{"data", data},
	}
	switch on.Choice("webhook-key-order", outWebhook, "") {
	case "rotated":
		payload = payload.replace("data", data.rotated()).rotated()
	case "sorted":
		payload = payload.sorted()
	case "signature-last":
		payload = append(payload.without("signature"), jsMember{"signature", ""})
	}
	signature := signWebhook(payload, creds.WasaaPayWebhookSecret)
	note := ""
	if form := on.Choice("webhook-bad-signature", outWebhook, ""); form != "" {
		signature, note = spoilt(signature, payload, form), "behaviour webhook-bad-signature"
	}
	if signature == "" {
		payload = payload.without("signature")
	} else {
		payload = payload.replace("signature", signature)
	}
	body := payload.write(nil)
	if on.Roll("webhook-pretty", outWebhook) != nil {
		var pretty bytes.Buffer
		if json.Indent(&pretty, body, "", "  ") == nil {
			body = pretty.Bytes()
		}
	}
	return &engine.Delivery{
		Provider: providerWasaaPay, Class: outWebhook, Subject: subject, URL: h.url,
		Header: map[string][]string{"Content-Type": {"application/json"}}, Body: body, Note: note,
		Pauses: retrySchedule(), Retries: len(retrySchedule()), AnySuccess: true,
	}
}

// numberAmount writes the amount as JavaScript prints a number, 250.00 as 250.
func numberAmount(data jsObject) jsObject {
	next := data
	for _, m := range data {
		if amount, ok := m.value.(string); ok && m.name == "amount" {
			if strings.Contains(amount, ".") {
				amount = strings.TrimSuffix(strings.TrimRight(amount, "0"), ".")
			}
			next = data.replace("amount", jsNumber(amount))
		}
	}
	return next
}

// signWebhook is the signature over the payload without its own member, whatever place that has
// (reference/wasaapay.md §11.4).
func signWebhook(payload jsObject, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write(payload.without("signature").write(nil))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// spoilt is a signature that must not be taken; empty is none.
func spoilt(signature string, payload jsObject, form string) string {
	switch form {
	case "missing":
		return ""
	case "short":
		return signature[:len(signature)/2]
	case "bare":
		return strings.TrimPrefix(signature, "sha256=")
	case "other-secret":
		return signWebhook(payload, "another-webhook-secret")
	default:
		last := byte('0')
		if signature[len(signature)-1] == last {
			last = '1'
		}
		return signature[:len(signature)-1] + string(last)
	}
}

// send has a webhook delivered after delay, with the behaviours that strike it on its way. The lock is held.
func (h *webhooks) send(d *engine.Delivery, delay time.Duration) {
	on := h.e.Behaviours
	if on.Roll("webhook-lost", outWebhook) != nil {
		h.e.Lose(d, delay, "not sent: webhook-lost")
		if held := d.Behind; held != nil {
			h.e.Clock.After(delay, func() { h.e.Sender.Send(held) })
		}
		return
	}
	if late := on.Roll("webhook-late", outWebhook); late != nil {
		delay += late.Duration
		d.Note = "late (webhook-late)"
	}
	if twin := on.Roll("webhook-duplicate", outWebhook); twin != nil {
		d.Copies = twin.Count
		d.Note = "repeated (webhook-duplicate)"
	}
	h.e.Clock.After(delay, func() { h.e.Sender.Send(d) })
}
