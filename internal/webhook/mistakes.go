package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // to name it where it is found
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/wasaapay"
)

// Mistake is one usual way to get a WasaaPay signature wrong. Each is used
// twice: "webhook sign --wrong" makes it, "webhook verify --explain" finds it.
type Mistake struct {
	// Name is for --wrong.
	Name string
	// Meaning is said when the mistake is found.
	Meaning string
	// Fix is what to do about it.
	Fix string

	// Each mistake changes one of the three; nil leaves it right. A form may be one
	// of another hash.
	message func(p payload) []byte
	key     func(key string) string
	encode  func(sum []byte) string
	hash    func() hash.Hash
}

// payload is a body taken apart once for all mistakes.
type payload struct {
	body []byte
	// tree is the body without its signature, whole the body with it.
	tree, whole any
	data        any
	canonical   []byte
}

func takeApart(body []byte) (payload, error) {
	canonical, err := wasaapay.Canonical(nil, body)
	if err != nil {
		return payload{}, err
	}
	whole, err := parseTree(body)
	if err != nil {
		return payload{}, err
	}
	p := payload{body: body, whole: whole, tree: whole, canonical: canonical}
	if o, isObject := whole.(object); isObject {
		p.tree = o.without("signature")
		if i := o.index("data"); i >= 0 {
			p.data = o[i].value
		}
	}
	return p, nil
}

// Mistakes returns the table, in the order in which they are tried.
func Mistakes() []Mistake {
	return append(append(messageMistakes(), keyMistakes()...), encodeMistakes()...)
}

func messageMistakes() []Mistake {
	reserialised := func(w writing) func(payload) []byte {
		return func(p payload) []byte { return w.bytes(p.tree) }
	}
	advice := "sign and check the text that JSON.stringify gives for the parsed body without its signature"
	return []Mistake{
		{
			Name: "sorted-keys", Meaning: "the signer sorted the keys, as Go maps and many JSON tools do", Fix: advice,
			message: reserialised(writing{sorted: true, number: shortest}),
		},
		{
			Name: "sorted-keys-html", Meaning: "the signer used Go's json.Marshal of a map: keys sorted, <, > and & escaped", Fix: advice,
			message: reserialised(writing{sorted: true, html: true, number: shortest}),
		},
		{
			Name: "spaces", Meaning: "the signer wrote a space after each comma and colon, as Python's json.dumps does", Fix: "use separators=(',', ':') and ensure_ascii=False",
			message: reserialised(writing{comma: ", ", colon: ": "}),
		},
		{
			Name: "python", Meaning: "the signer used Python's json.dumps as it is: spaces, and everything but ASCII escaped", Fix: "use separators=(',', ':') and ensure_ascii=False",
			message: reserialised(writing{comma: ", ", colon: ": ", ascii: true}),
		},
		{
			Name: "pretty-printed", Meaning: "the signer pretty-printed the body", Fix: advice,
			message: reserialised(writing{indent: 2, colon: ": ", number: shortest}),
		},
		{
			Name: "escaped-html", Meaning: "the signer escaped <, > and &, as Go's encoder does unless told not to", Fix: "use SetEscapeHTML(false), and mind U+2028 and U+2029",
			message: reserialised(writing{html: true, number: shortest}),
		},
		{
			Name: "ascii-escaped", Meaning: "the signer escaped everything but ASCII", Fix: "sign the UTF-8 text itself",
			message: reserialised(writing{ascii: true, number: shortest}),
		},
		{
			Name: "escaped-slashes", Meaning: "the signer escaped slashes, as PHP's json_encode does", Fix: "use JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE",
			message: reserialised(writing{slash: true, number: shortest}),
		},
		{
			Name: "php", Meaning: "the signer used PHP's json_encode as it is: slashes and everything but ASCII escaped", Fix: "use JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE",
			message: reserialised(writing{slash: true, ascii: true, number: shortest}),
		},
		{
			Name: "numbers-verbatim", Meaning: "the signer kept the numbers' text (1000.00), which JavaScript rewrites (1000)", Fix: "write numbers as JavaScript does, or send amounts as strings",
			message: reserialised(writing{}),
		},
		{
			Name: "numbers-two-decimals", Meaning: "the signer wrote numbers with two decimals", Fix: "write numbers as JavaScript does",
			message: reserialised(writing{number: twoPlaces}),
		},
		{
			Name: "numbers-point-zero", Meaning: "the signer wrote whole numbers with .0", Fix: "write numbers as JavaScript does",
			message: reserialised(writing{number: pointZero}),
		},
		{
			Name: "bom", Meaning: "the signed text began with a byte order mark", Fix: "leave the byte order mark out",
			message: func(p payload) []byte { return append([]byte("\ufeff"), p.canonical...) },
		},
		{
			Name: "trailing-newline", Meaning: "the signed text ended with a line end", Fix: "sign the text without a line end (echo adds one, printf does not)",
			message: func(p payload) []byte { return append(slices.Clip(p.canonical), '\n') },
		},
		{
			Name: "latin-1", Meaning: "the text was signed in ISO 8859-1, not UTF-8", Fix: "sign the UTF-8 bytes",
			message: func(p payload) []byte { return latin1(p.canonical) },
		},
		{
			Name: "utf-16", Meaning: "the text was signed in UTF-16, not UTF-8", Fix: "sign the UTF-8 bytes",
			message: func(p payload) []byte { return utf16le(p.canonical) },
		},
		{
			Name: "data-only", Meaning: "only the data member was signed", Fix: "sign the whole body without its signature member",
			message: func(p payload) []byte {
				if p.data == nil {
					return nil
				}
				return writing{number: shortest}.bytes(p.data)
			},
		},
		{
			Name: "whole-body", Meaning: "the whole body was signed, with an empty signature member in it", Fix: "take the signature member out first",
			message: withSignature(""),
		},
		{
			Name: "whole-body-null", Meaning: "the whole body was signed, with signature: null in it", Fix: "take the signature member out first",
			message: withSignature(nil),
		},
		{
			Name: "whole-body-prefix", Meaning: "the whole body was signed, with the bare prefix as its signature member", Fix: "take the signature member out first",
			message: withSignature("sha256="),
		},
	}
}

// withSignature signs the body with its signature member still in it. What
// stood there while signing can only have been a placeholder.
func withSignature(placeholder any) func(payload) []byte {
	return func(p payload) []byte {
		whole, isObject := p.whole.(object)
		if !isObject {
			return nil
		}
		held := append(object{}, whole...)
		held.set("signature", placeholder)
		return writing{number: shortest}.bytes(held)
	}
}

func keyMistakes() []Mistake {
	fix := "configure the secret exactly as the dashboard shows it"
	return []Mistake{
		{Name: "secret-newline", Meaning: "the signer's secret ended with a line end", Fix: fix, key: func(k string) string { return k + "\n" }},
		{Name: "secret-crlf", Meaning: "the signer's secret ended with a Windows line end", Fix: fix, key: func(k string) string { return k + "\r\n" }},
		{Name: "secret-quoted", Meaning: "the signer's secret had double quotes around it", Fix: fix, key: func(k string) string { return `"` + k + `"` }},
		{Name: "secret-single-quoted", Meaning: "the signer's secret had single quotes around it", Fix: fix, key: func(k string) string { return "'" + k + "'" }},
		{Name: "secret-space-after", Meaning: "the signer's secret ended with a space", Fix: fix, key: func(k string) string { return k + " " }},
		{Name: "secret-space-before", Meaning: "the signer's secret began with a space", Fix: fix, key: func(k string) string { return " " + k }},
		{Name: "secret-trimmed", Meaning: "the secret configured here has white space or quotes around it that the signer's has not", Fix: fix, key: func(k string) string { return strings.Trim(k, " \t\r\n\"'") }},
		{Name: "secret-base64-decoded", Meaning: "the signer decoded the secret from base64 first", Fix: "use the secret's text as the key", key: func(k string) string {
			raw, err := base64.StdEncoding.DecodeString(k)
			if err != nil {
				return k
			}
			return string(raw)
		}},
		{Name: "secret-hex-decoded", Meaning: "the signer decoded the secret from hexadecimal first", Fix: "use the secret's text as the key", key: func(k string) string {
			raw, err := hex.DecodeString(k)
			if err != nil {
				return k
			}
			return string(raw)
		}},
	}
}

func encodeMistakes() []Mistake {
	return []Mistake{
		{Name: "prefix-missing", Meaning: "the signature lacks its prefix", Fix: "write sha256= before the hexadecimal digits", encode: hex.EncodeToString},
		{Name: "base64", Meaning: "the signature is in base64, not hexadecimal", Fix: "write lower-case hexadecimal digits", encode: func(sum []byte) string { return "sha256=" + base64.StdEncoding.EncodeToString(sum) }},
		{Name: "base64-no-prefix", Meaning: "the signature is in base64 and lacks its prefix", Fix: "write sha256= and lower-case hexadecimal digits", encode: base64.StdEncoding.EncodeToString},
		{Name: "upper-case-no-prefix", Meaning: "the signature is in upper case and lacks its prefix", Fix: "write sha256= and lower-case hexadecimal digits", encode: func(sum []byte) string { return strings.ToUpper(hex.EncodeToString(sum)) }},
		{Name: "base64url", Meaning: "the signature is in base64url, not hexadecimal", Fix: "write lower-case hexadecimal digits", encode: func(sum []byte) string { return "sha256=" + base64.RawURLEncoding.EncodeToString(sum) }},
		{Name: "base64url-no-prefix", Meaning: "the signature is in base64url and lacks its prefix", Fix: "write sha256= and lower-case hexadecimal digits", encode: base64.RawURLEncoding.EncodeToString},
		{Name: "v1-prefix", Meaning: "the signature begins with v1=, as Stripe's and Slack's do", Fix: "write sha256= before the hexadecimal digits", encode: func(sum []byte) string { return "v1=" + hex.EncodeToString(sum) }},
		{Name: "v1-base64", Meaning: "the signature has the form v1,base64, as Svix's and Standard Webhooks' do", Fix: "write sha256= and lower-case hexadecimal digits", encode: func(sum []byte) string { return "v1," + base64.StdEncoding.EncodeToString(sum) }},
		{Name: "sha1", Meaning: "the signature is an HMAC-SHA1, as older GitHub hooks have", Fix: "use HMAC-SHA256", hash: sha1.New, encode: func(sum []byte) string { return "sha1=" + hex.EncodeToString(sum) }},
		{Name: "sha1-digits", Meaning: "the signature is an HMAC-SHA1 behind sha256=", Fix: "use HMAC-SHA256", hash: sha1.New, encode: plainly},
		{Name: "sha512", Meaning: "the signature is an HMAC-SHA512", Fix: "use HMAC-SHA256", hash: sha512.New, encode: func(sum []byte) string { return "sha512=" + hex.EncodeToString(sum) }},
		{Name: "upper-case-prefix", Meaning: "the signature's prefix is in upper case", Fix: "write sha256= in lower case", encode: func(sum []byte) string { return "SHA256=" + hex.EncodeToString(sum) }},
	}
}

// errNoMistake says that there is no mistake of that name.
var errNoMistake = errors.New("no such mistake")

// plainly writes a signature as WasaaPay does.
func plainly(sum []byte) string { return "sha256=" + hex.EncodeToString(sum) }

// sign returns the signature that a signer with these mistakes gives; ok is
// false when a mistake does not apply to this payload.
func sign(p payload, key string, mistakes ...Mistake) (signature string, ok bool) {
	message, encode, algorithm := p.canonical, plainly, sha256.New
	for _, m := range mistakes {
		if m.hash != nil {
			algorithm = m.hash
		}
		if m.message != nil {
			message = m.message(p)
		}
		if m.key != nil {
			key = m.key(key)
		}
		if m.encode != nil {
			encode = m.encode
		}
	}
	if message == nil || key == "" {
		return "", false
	}
	mac := hmac.New(algorithm, []byte(key))
	_, _ = mac.Write(message)
	return encode(mac.Sum(nil)), true
}

// SignWrong returns the body with a signature that has one mistake, by its
// name. It fails with KindUsage when there is no such mistake, when the body is
// no JSON object, or when the mistake cannot be made on this body or leaves its
// signature right.
func SignWrong(body []byte, key, name string) ([]byte, error) {
	for _, m := range Mistakes() {
		if m.Name != name {
			continue
		}
		p, err := placed(body)
		if err != nil {
			return nil, err
		}
		signature, ok := sign(p, key, m)
		if !ok {
			return nil, payment.Usage("wrong "+name+": cannot be made on this body", "choose another mistake")
		}
		if right, _ := sign(p, key); signature == right {
			return nil, noDifference(m)
		}
		return kept(p, signature)
	}
	names := make([]string, 0, len(Mistakes()))
	for _, m := range Mistakes() {
		names = append(names, m.Name)
	}
	e := payment.Usage("wrong \""+name+"\": is not a mistake that payctl knows", "use one of: "+strings.Join(names, ", "))
	e.Err = errNoMistake
	return nil, e
}

// noDifference says that a signer with this mistake would have signed correctly.
func noDifference(m Mistake) error {
	what := "body"
	if m.key != nil {
		what = "secret"
	}
	return payment.Usage("wrong "+m.Name+": makes no difference to this "+what, "choose another "+what+" or another mistake: "+m.Meaning)
}

// placed takes a body apart after giving it a signature member where it lacks
// one: a signer who signs the whole body has it in its place already.
func placed(body []byte) (payload, error) {
	p, err := takeApart(body)
	if err != nil {
		return p, err
	}
	if _, found := wasaapay.SignatureOf(body); found {
		return p, nil
	}
	if body, err = putSignature(p, ""); err != nil {
		return p, err
	}
	return takeApart(body)
}

// kept puts a signature into the body and makes sure that nothing else of it
// changed: the signature would be wrong in another way than it was asked for.
func kept(p payload, signature string) ([]byte, error) {
	body, err := putSignature(p, signature)
	if err != nil {
		return nil, err
	}
	if canonical, err := wasaapay.Canonical(nil, body); err != nil || !bytes.Equal(canonical, p.canonical) {
		return nil, payment.Usage("webhook payload: a text holds a lone surrogate (\\ud800 to \\udfff), which a wrong signature cannot be made on", "take it out")
	}
	return body, nil
}

// putSignature sets the signature member where it stands, or before data.
func putSignature(p payload, signature string) ([]byte, error) {
	whole, isObject := p.whole.(object)
	if !isObject {
		return nil, payment.Usage("webhook payload: it is not a JSON object", "give one JSON object")
	}
	out := append(object{}, whole...)
	if i := out.index("signature"); i >= 0 {
		out[i].value = signature
	} else if i := out.index("data"); i >= 0 {
		out = append(out[:i:i], append(object{{"signature", signature}}, out[i:]...)...)
	} else {
		out = append(out, member{"signature", signature})
	}
	return writing{}.bytes(out), nil
}
