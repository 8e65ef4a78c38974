package wasaapay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// Canonical appends to dst what JSON.stringify gives for the parsed body
// without its top-level signature (reference/wasaapay.md §11.4). A body that
// is not one JSON object, is nested deeper than 512 levels or is larger than
// 1 MiB is a KindUsage error that names the byte.
//
// Bytes that are not UTF-8 become U+FFFD as Node decodes them, and one leading
// byte order mark is dropped as Express does.
func Canonical(dst, body []byte) ([]byte, error) {
	out, _, err := rewrite(dst, body)
	return out, err
}

func rewrite(dst, body []byte) ([]byte, *emitter, error) {
	if len(body) > MaxBody {
		return dst, nil, badPayload(reasonTooLarge)
	}
	e := &emitter{names: newNameSet()}
	out, err := e.emit(dst, body, nil)
	if err != nil {
		return dst, nil, badPayload(err.Error())
	}
	return out, e, nil
}

func badPayload(problem string) error {
	e := payment.Usage("webhook payload: "+problem, "give one JSON object, as WasaaPay sends it")
	e.Provider = payment.WasaaPay
	return e
}

// SignatureOf returns the text of the top-level signature, and false if there
// is none, if it is not a string, or if the body is not JSON.
func SignatureOf(body []byte) (string, bool) {
	_, e, err := rewrite(nil, body)
	if err != nil || !e.signature.isSet() || e.signature.of(body)[0] != '"' {
		return "", false
	}
	return string(appendText(nil, e.signature.of(body))), true
}

// Sign returns the body with a signature that fits its canonical form. An
// existing signature's value is replaced in place; a new one goes before data,
// where the vendor's sample has it, or to the end. All other bytes stay. It
// fails with KindUsage when the body is not a JSON object, and with
// KindUnauthorized when the secret is not set.
func Sign(body []byte, s *secret.Secret) ([]byte, error) {
	if !s.IsSet() {
		return nil, &payment.Error{
			Kind: payment.KindUnauthorized, Provider: payment.WasaaPay, Message: "cannot sign: no webhook secret is configured",
			Hint: "set wasaapay.webhook_secret (PAYCTL_WASAAPAY_WEBHOOK_SECRET) or give --secret-file",
		}
	}
	message, e, err := rewrite(nil, body)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, []byte(s.Reveal()))
	_, _ = mac.Write(message)
	value := `"` + signaturePrefix + hex.EncodeToString(mac.Sum(nil)) + `"`
	if at := e.signature; at.isSet() {
		return splice(body, at, value), nil
	}
	if at := e.dataStart; at > 0 {
		return splice(body, span{at, at}, `"signature":`+value+","), nil
	}
	at := e.closing(body)
	if string(message) != "{}" {
		value = `,"signature":` + value
	} else {
		value = `"signature":` + value
	}
	return splice(body, span{at, at}, value), nil
}

// closing returns where the last brace of a valid object stands.
func (e *emitter) closing(body []byte) int {
	at := len(body) - 1
	for body[at] != '}' {
		at--
	}
	return at
}

func splice(body []byte, at span, with string) []byte {
	out := make([]byte, 0, len(body)+len(with))
	out = append(out, body[:at.start]...)
	out = append(out, with...)
	return append(out, body[at.end:]...)
}
