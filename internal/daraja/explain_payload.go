package daraja

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// finding is a code found in something, before it is looked up.
type finding struct {
	api           API
	code, message string
	status        int
}

// ExplainPayload finds the code in a callback, an answer, one of payctl's own
// JSON documents or a log line, and explains it. It returns false where there
// is no code; for a code that is not in the catalogue the Explanation has only
// Code and Message, and Meaning is "".
func ExplainPayload(raw []byte) (Explanation, bool) {
	f, ok := findCode(raw)
	if !ok {
		return Explanation{}, false
	}
	if f.status == 429 {
		f.code = codeLimited
	}
	if e, known := Explain(string(f.api), f.code, f.message); known {
		return e, true
	}
	if e, known := Explain("", f.code, f.message); known && f.api == "" {
		return e, true
	}
	return Explanation{Code: clip(f.code), Message: shown(f.message)}, true
}

func findCode(raw []byte) (finding, bool) {
	line := string(raw)
	if len(line) > maxExplained {
		line = line[:maxExplained]
	}
	api, status := apiOf(line), statusOf(line)
	if root, ok := embedded(line); ok {
		if isAcknowledgement(root) {
			return finding{}, false
		}
		if f, found := codeInTree(root, api); found {
			f.status = status
			return f, true
		}
	}
	if code := codeInText(line); code != "" {
		return finding{api: api, code: code, message: line, status: status}, true
	}
	switch trimmed := strings.ToLower(strings.TrimSpace(line)); {
	case strings.HasPrefix(trimmed, "<!doctype html"), strings.HasPrefix(trimmed, "<html"):
		return finding{api: api, code: codeHTML, status: status}, true
	case status == 429 || strings.Contains(trimmed, "spikearrestviolation"):
		return finding{api: api, code: codeLimited, status: 429}, true
	}
	return finding{}, false
}

// codeInText finds the code in a line's words, "" for none. A ResultCode goes
// first, since it says itself what it is; a value without a digit ("no
// ResultCode in the answer") is a code only where nothing else is one.
func codeInText(line string) string {
	word := ""
	for _, m := range patterns().result.FindAllStringSubmatch(line, -1) {
		code := strings.TrimRight(m[1], ".")
		if strings.ContainsAny(code, "0123456789") {
			return code
		}
		if word == "" {
			word = code
		}
	}
	if code := dottedCode(line); code != "" {
		return code
	}
	if m := patterns().named.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return word
}

// dottedCode finds an error code. Addresses, durations and amounts have the same
// form, so it must follow errorCode, or be one that the catalogue knows.
func dottedCode(line string) string {
	known := ""
	for _, at := range patterns().errors.FindAllStringIndex(line, -1) {
		before, code, after := line[:at[0]], line[at[0]:at[1]], line[at[1]:]
		if dottedOn(before, after) {
			continue
		}
		if patterns().errorCode.MatchString(before[max(0, len(before)-maxLabel):]) {
			return code
		}
		if known == "" && len(rowsOf(code)) > 0 {
			known = code
		}
	}
	return known
}

// maxLabel is how far before a code its label is looked for, in bytes.
const maxLabel = 32

// dottedOn tells that a number with dots goes on before or after, as an IP
// address does.
func dottedOn(before, after string) bool {
	digit := func(s string, i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }
	return strings.HasSuffix(before, ".") && digit(before, len(before)-2) || strings.HasPrefix(after, ".") && digit(after, 1)
}

// maxExplained bounds what is searched, in bytes.
const maxExplained = 1 << 16

// patterns finds codes in text: error codes and the label before them, ResultCode
// members, codes with a name, HTTP statuses. They are compiled when first needed, since every command
// pays for what is done at start-up.
var patterns = sync.OnceValue(func() (p struct{ errors, errorCode, result, named, status *regexp.Regexp }) { //nolint:gochecknoglobals // compiled once
	p.errors = regexp.MustCompile(`\b(\d{2,3}\.\d{3}\.\d{2,4}|\d{3}\.\d{3})\b`)
	p.errorCode = regexp.MustCompile(`(?i)error[_ ]?code\W{1,8}$`)
	p.result = regexp.MustCompile(`(?i)result[_ ]?code\W{1,8}([A-Z0-9_.]{1,32})`)
	p.named = regexp.MustCompile(`\b(SFC_[A-Z0-9]+|TP\d{4,6}|E\d{4}|R0000\d\d|C2B000\d\d)\b`)
	p.status = regexp.MustCompile(`(?i)(?:http|status)\W{0,4}(?:/1\.1 )?(\d{3})\b`)
	return p
})

func statusOf(line string) int {
	m := patterns().status.FindStringSubmatch(line)
	if m == nil {
		return 0
	}
	status, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return status
}

// apiOf guesses the API from a path or a word in a log line; "" if nothing
// tells.
func apiOf(line string) API {
	lower := strings.ToLower(line)
	for _, hint := range [...]struct {
		word string
		api  API
	}{
		{"stkpushquery", APIQuery},
		{"stk query", APIQuery},
		{"stkpush", APISTK},
		{"stk push", APISTK},
		{"stkcallback", APISTK},
		{"transactionstatus", APITransaction},
		{"transaction status", APITransaction},
		{"accountbalance", APIBalance},
		{"reversal", APIReversal},
		{"/b2c/", APIB2C},
		{"/b2b/", APIB2B},
		{"/c2b/", APIC2B},
		{"oauth", APIOAuth},
		{"pulltransactions", APIPull},
		{"qrcode", APIQR},
	} {
		if strings.Contains(lower, hint.word) {
			return hint.api
		}
	}
	return ""
}

// embedded reads the JSON that a line holds, if it holds any.
func embedded(line string) (node, bool) {
	begin, end := strings.IndexByte(line, '{'), strings.LastIndexByte(line, '}')
	if begin < 0 || end <= begin {
		return node{}, false
	}
	return parseTree([]byte(line[begin : end+1]))
}

// isAcknowledgement reports whether a document is what an app answers a callback with: a
// ResultCode without any id says nothing of a payment (reference/daraja.md §14). A code
// that rejects a C2B payment speaks for itself.
func isAcknowledgement(root node) bool {
	for _, m := range root.members {
		switch fold(m.key) {
		case "resultcode", "resultdesc", "thirdpartytransid":
		default:
			return false
		}
	}
	code := root.get("resultcode").scalar()
	if code == "" {
		return false
	}
	_, rejects := lookup(APIC2B, 0, code, "")
	return !rejects
}

func codeInTree(root node, api API) (finding, bool) {
	if stk := root.get("body").get("stkcallback"); stk.kind == '{' {
		return found(APISTK, stk.get("resultcode"), stk.get("resultdesc"))
	}
	if result := root.get("result"); result.kind == '{' {
		r := readResult(result)
		return found(apiOr(r.API, apiOr(api, APITransaction)), result.get("resultcode"), result.get("resultdesc"))
	}
	if fault, ok := soapFault(root); ok {
		return finding{api: api, code: codeFault, message: fault}, true
	}
	if fault := root.get("fault"); fault.kind == '{' {
		if strings.Contains(strings.ToLower(fault.get("detail").get("errorcode").scalar()), "spikearrest") {
			return finding{api: api, code: codeLimited, message: fault.get("faultstring").scalar()}, true
		}
		return found(api, fault.get("detail").get("errorcode"), fault.get("faultstring"))
	}
	if f, ok := found(api, root.get("errorcode"), root.get("errormessage")); ok {
		if f.api == "" && f.message == "" && root.get("errormessage").kind == '"' {
			f.api = APIQuery // only the query answers with an empty message (§3.4)
		}
		return f, true
	}
	if own := root.get("error"); own.kind == '{' {
		return found(api, own.get("provider_code"), own.get("message"))
	}
	if own := root.get("failure"); own.kind == '{' {
		return found(apiOr(api, APISTK), own.get("code"), own.get("reason"))
	}
	if root.get("responsecode").scalar() != "" && root.get("resultcode").scalar() != "" {
		return found(APIQuery, root.get("resultcode"), root.get("resultdesc"))
	}
	return found(api, root.get("resultcode"), root.get("resultdesc"))
}

func found(api API, code, message node) (finding, bool) {
	return finding{api: api, code: code.scalar(), message: message.scalar()}, code.scalar() != ""
}
