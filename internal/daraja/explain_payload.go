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
		if f, found := codeInTree(root, api); found {
			f.status = status
			return f, true
		}
	}
	for _, pattern := range [...]*regexp.Regexp{patterns().errors, patterns().result, patterns().named} {
		if m := pattern.FindStringSubmatch(line); m != nil {
			return finding{api: api, code: m[1], message: line, status: status}, true
		}
	}
	switch trimmed := strings.ToLower(strings.TrimSpace(line)); {
	case strings.HasPrefix(trimmed, "<!doctype html"), strings.HasPrefix(trimmed, "<html"):
		return finding{api: api, code: codeHTML, status: status}, true
	case status == 429 || strings.Contains(trimmed, "spikearrestviolation"):
		return finding{api: api, code: codeLimited, status: 429}, true
	}
	return finding{}, false
}

// maxExplained bounds what is searched, in bytes.
const maxExplained = 1 << 16

// patterns finds codes in text: error codes, ResultCode members, codes with a
// name, HTTP statuses. They are compiled when first needed, since every command
// pays for what is done at start-up.
var patterns = sync.OnceValue(func() (p struct{ errors, result, named, status *regexp.Regexp }) { //nolint:gochecknoglobals // compiled once
	p.errors = regexp.MustCompile(`\b(\d{2,3}\.\d{3}\.\d{2,4}|\d{3}\.\d{3})\b`)
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

func codeInTree(root node, api API) (finding, bool) {
	if stk := root.get("body").get("stkcallback"); stk.kind == '{' {
		return found(APISTK, stk.get("resultcode"), stk.get("resultdesc"))
	}
	if result := root.get("result"); result.kind == '{' {
		r := readResult(result)
		return found(apiOr(r.API, apiOr(api, APITransaction)), result.get("resultcode"), result.get("resultdesc"))
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
