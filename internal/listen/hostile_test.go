package listen

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

const (
	stkPath  = "/callbacks/daraja/stk"
	stkBody  = `{"id":"ws_CO_1"}`
	mebibyte = 1 << 20
)

// hostile is a request, the answers to it and what is stored afterwards.
type hostile struct {
	name    string
	request string
	want    []int
	// stored lists the verdicts of what is in the ledger after it.
	stored []payment.Verdict
}

func unsigned(n int) (out []payment.Verdict) {
	for range n {
		out = append(out, payment.VerdictUnsigned)
	}
	return out
}

func malformed() []payment.Verdict { return []payment.Verdict{payment.VerdictMalformed} }

func chunked(path string, chunks ...string) string {
	var b strings.Builder
	b.WriteString("POST " + path + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, c := range chunks {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(c), c)
	}
	b.WriteString("0\r\n\r\n")
	return b.String()
}

func method(name string) string {
	return name + " " + stkPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
}

func bomb(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// routeTricks are requests whose path or method is not quite a callback's.
func routeTricks() []hostile {
	out := []hostile{
		{"plain callback", post(stkPath, stkBody), []int{200}, unsigned(1)},
		{"callback with token", post(stkPath+"/Tok_en-1", stkBody), []int{200}, unsigned(1)},
		{"token where none is needed", post("/callbacks/daraja/c2b/validation/abc", stkBody), []int{200}, unsigned(1)},
		{"result", post("/callbacks/daraja/result", stkBody), []int{200}, unsigned(1)},
		{"timeout", post("/callbacks/daraja/timeout/t", stkBody), []int{200}, unsigned(1)},
		{"validation", post("/callbacks/daraja/c2b/validation", stkBody), []int{200}, unsigned(1)},
		{"confirmation", post("/callbacks/daraja/c2b/confirmation", stkBody), []int{200}, unsigned(1)},
		{"wasaapay, proven", post("/callbacks/wasaapay", stkBody, "Authorization: sig"), []int{200}, []payment.Verdict{payment.VerdictValid}},
		{"wasaapay, forged", post("/callbacks/wasaapay", stkBody), []int{401}, []payment.Verdict{payment.VerdictMismatch}},
		{"sevi, proven", post("/callbacks/sevi", stkBody, "Authorization: tok"), []int{200}, []payment.Verdict{payment.VerdictValid}},
		{"sevi, forged", post("/callbacks/sevi", stkBody, "Authorization: no"), []int{401}, []payment.Verdict{payment.VerdictMismatch}},
		{"query string", post(stkPath+"?a=b&c=%00", stkBody), []int{200}, unsigned(1)},
		{"absolute form", post("http://elsewhere.example"+stkPath, stkBody), []int{200}, unsigned(1)},
		{"method override", strings.Replace(method("GET"), "Host: x", "Host: x\r\nX-HTTP-Method-Override: POST", 1), []int{405}, nil},
		{"general options", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", []int{404}, nil},
		{"connect", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", []int{404}, nil},
		{"post to health", post("/healthz", ""), []int{405}, nil},
		{"health", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", []int{200}, nil},
		{"readiness", "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", []int{200}, nil},
		{"metrics", "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", []int{200}, nil},
		{"metrics with a token nobody set", "GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", []int{404}, nil},
	}
	for _, m := range []string{"GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "post", "POSTX"} {
		out = append(out, hostile{"method " + m, method(m), []int{405}, nil})
	}
	for _, path := range []string{
		stkPath + "/", "/" + stkPath, "/callbacks//daraja/stk", "/callbacks/daraja/stk///Tok_en-1//", "//callbacks//daraja//stk//",
	} {
		out = append(out, hostile{"slashes " + path, post(path, stkBody), []int{200}, unsigned(1)})
	}
	for _, path := range []string{"/", "/./callbacks/daraja/stk", "/x/../callbacks/daraja/stk", "/callbacks%2Fdaraja/stk", `/callbacks\daraja\stk`, "/.git/config"} {
		out = append(out, hostile{"path " + path, post(path, stkBody), []int{404}, nil})
	}
	// What fits no route is kept all the same.
	for _, path := range []string{
		"/callbacks", "/callbacks/", "/callbacks/daraja", "/callbacks/daraja/../daraja/stk",
		"/callbacks/daraja/%73tk", "/callbacks/daraja/stk%2Ftoken", "/callbacks/daraja/stk/a/b",
		"/callbacks/daraja/stk/%00", "/callbacks/daraja/stk/a.b", "/callbacks/daraja/stk/..", "/callbacks/daraja/STK",
		"/callbacks/daraja/stk;jsessionid=1", "/callbacks/daraja/stk/" + strings.Repeat("a", maxToken+1),
		"/callbacks/airtel", "/callbacks/daraja/stk/%E2%80%AE", "/callbacks/sevi/../wasaapay",
	} {
		out = append(out, hostile{"stray " + path, post(path, stkBody), []int{404}, []payment.Verdict{payment.VerdictStray}})
	}
	return out
}

// framingTricks are requests whose bytes are not quite HTTP.
func framingTricks() []hostile {
	good := post(stkPath, stkBody)
	head := "POST " + stkPath + " HTTP/1.1\r\nHost: x\r\n"
	long := strings.Repeat("a", 1000)
	return []hostile{
		{"version 1.0", "POST " + stkPath + " HTTP/1.0\r\nContent-Length: 16\r\n\r\n" + stkBody, []int{200}, unsigned(1)},
		{"version 1.0 without length", "POST " + stkPath + " HTTP/1.0\r\n\r\n" + stkBody, []int{200}, malformed()},
		{"version 0.9", "GET " + stkPath + "\r\n", []int{400}, nil},
		{"version 3.7", "POST " + stkPath + " HTTP/3.7\r\nHost: x\r\n\r\n", []int{505}, nil},
		{"preface of version 2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{404}, nil},
		{"TLS hello on plain HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + long, []int{400}, nil},
		{"garbage", "\x00\x01\x02\xff\xfe\r\n\r\n", []int{400}, nil},
		{"nothing", "", nil, nil},
		{"half a request line", "POST /callb", []int{400}, nil},
		{"empty lines in front", "\r\n\r\n" + good, []int{400}, nil},
		{"chunks", chunked(stkPath, `{"id":`, `"ws_CO_1"}`), []int{200}, unsigned(1)},
		{"chunk extension", head + "Transfer-Encoding: chunked\r\n\r\n10;x=y\r\n" + stkBody + "\r\n0\r\n\r\n", []int{200}, unsigned(1)},
		{"trailer", head + "Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n10\r\n" + stkBody + "\r\n0\r\nX-A: b\r\n\r\n", []int{200}, unsigned(1)},
		{"chunk size that is no number", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + stkBody + "\r\n0\r\n\r\n", []int{400}, nil},
		{"chunk size that overflows", head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + stkBody, []int{400}, nil},
		{"chunks without end", head + "Transfer-Encoding: chunked\r\n\r\n10\r\n" + stkBody + "\r\n", []int{400}, nil},
		{"unknown transfer coding", head + "Transfer-Encoding: gzip\r\n\r\n" + stkBody, []int{501}, nil},
		{"two transfer codings", head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", []int{501}, nil},
		{"length and chunks at once", head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + stkBody + "\r\n0\r\n\r\n", []int{200}, unsigned(1)},
		{"two lengths", head + "Content-Length: 16\r\nContent-Length: 5\r\n\r\n" + stkBody, []int{400}, nil},
		{"negative length", head + "Content-Length: -1\r\n\r\n" + stkBody, []int{400}, nil},
		{"length in hex", head + "Content-Length: 0x10\r\n\r\n" + stkBody, []int{400}, nil},
		{"length with a plus", head + "Content-Length: +16\r\n\r\n" + stkBody, []int{400}, nil},
		{"body shorter than its length", head + "Content-Length: 500\r\n\r\n" + stkBody, []int{400}, nil},
		{"body longer than its length", head + "Content-Length: 16\r\n\r\n" + stkBody + "GARBAGE", []int{200, 400}, unsigned(1)},
		{"no host", "POST " + stkPath + " HTTP/1.1\r\nContent-Length: 16\r\n\r\n" + stkBody, []int{400}, nil},
		{"two hosts", head + "Host: y\r\nContent-Length: 16\r\n\r\n" + stkBody, []int{400}, nil},
		{"space before the colon", head + "Content-Length : 16\r\n\r\n" + stkBody, []int{400}, nil},
		{"zero byte in a header", head + "X-A: a\x00b\r\nContent-Length: 16\r\n\r\n" + stkBody, []int{400}, nil},
		{"bare carriage return in a header", head + "X-A: a\rb\r\nContent-Length: 16\r\n\r\n" + stkBody, []int{400}, nil},
		{"header without a name", head + ": v\r\nContent-Length: 16\r\n\r\n" + stkBody, []int{400}, nil},
		{"folded header", head + "X-A: a\r\n b\r\nContent-Length: 16\r\n\r\n" + stkBody, []int{200}, unsigned(1)},
		{"huge header", head + "X-A: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", []int{431}, nil},
		{"many headers", head + strings.Repeat("X-A: a\r\n", 8000) + "\r\n", []int{431}, nil},
		{"huge path", post("/"+strings.Repeat("a", 64<<10), stkBody), []int{431}, nil},
		{"three at once", good + good + good, []int{200, 200, 200}, unsigned(3)},
		{"a good one behind an unknown path", post("/nowhere", stkBody) + good, []int{404, 200}, unsigned(1)},
		{"a good one behind a broken one", "BROKEN\r\n\r\n" + good, []int{400}, nil},
		{"expect to continue", post(stkPath, stkBody, "Expect: 100-continue"), []int{100, 200}, unsigned(1)},
		{"expect something else", post(stkPath, stkBody, "Expect: a-miracle"), []int{417}, nil},
		{"expect to continue, too large", head + "Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n", []int{413}, nil},
		{"upgrade", post(stkPath, stkBody, "Connection: Upgrade", "Upgrade: h2c"), []int{200}, unsigned(1)},
	}
}

// bodyTricks are callbacks whose body is not what a provider sends. Daraja's
// are stored and answered 200 all the same (reference/daraja.md §4.3).
func bodyTricks(t *testing.T) []hostile {
	t.Helper()
	of := func(size int) string {
		return `{"id":"ws_CO_1","x":"` + strings.Repeat("a", size-len(`{"id":"ws_CO_1","x":""}`)) + `"}`
	}
	return []hostile{
		{"no body", post(stkPath, ""), []int{200}, malformed()},
		{"as large as may be", post(stkPath, of(mebibyte)), []int{200}, unsigned(1)},
		{"one byte too large", post(stkPath, of(mebibyte+1)), []int{413}, nil},
		{"one byte too large, in chunks", chunked(stkPath, of(mebibyte), "x"), []int{413}, nil},
		{"endless chunks", chunked(stkPath, strings.Repeat(strings.Repeat("a", 8192), 512)), []int{413}, nil},
		{"announced far too large", "POST " + stkPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", []int{413}, nil},
		{"gzip bomb", post(stkPath, bomb(t), "Content-Encoding: gzip"), []int{200}, malformed()},
		{"deep nesting", post(stkPath, `{"id":"a","x":`+strings.Repeat("[", 400000)), []int{200}, malformed()},
		{"huge number", post(stkPath, `{"id":"a","x":1`+strings.Repeat("0", 100000)+`}`), []int{200}, unsigned(1)},
		{"invalid UTF-8", post(stkPath, "{\"id\":\"\xff\xfe\"}"), []int{200}, unsigned(1)},
		{"zero bytes", post(stkPath, "\x00\x00\x00"), []int{200}, malformed()},
		{"duplicate names", post(stkPath, `{"id":"a","id":"b"}`), []int{200}, unsigned(1)},
		{"trailing data", post(stkPath, stkBody+"}}"), []int{200}, malformed()},
		{"HTML", post(stkPath, "<html>", "Content-Type: text/html"), []int{200}, malformed()},
		{"form", post(stkPath, "a=b&c=d", "Content-Type: application/x-www-form-urlencoded"), []int{200}, malformed()},
		{"multipart without boundary", post(stkPath, stkBody, "Content-Type: multipart/form-data"), []int{200}, unsigned(1)},
		{"content type that is none", post(stkPath, stkBody, "Content-Type: \xff;;;"), []int{200}, unsigned(1)},
		{"two content types", post(stkPath, stkBody, "Content-Type: a/b", "Content-Type: c/d"), []int{200}, unsigned(1)},
		{"claims to be a provider's address", post(stkPath, stkBody, "X-Forwarded-For: 196.201.212.69"), []int{200}, unsigned(1)},
		{"event name that forges a line", post(stkPath, `{"id":"a","name":"x\nlevel=ERROR"}`), []int{200}, unsigned(1)},
		{"the same twice", post(stkPath, stkBody) + post(stkPath, stkBody), []int{200, 200}, unsigned(2)},
	}
}

// TestHostileRequests sends each request to a server of its own and looks at
// the answers, at the ledger, and at whether the server still serves.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	cases := append(append(routeTricks(), framingTricks()...), bodyTricks(t)...)
	if len(cases) < 60 {
		t.Fatalf("only %d cases", len(cases))
	}
	seen := map[string]bool{}
	for _, c := range cases {
		if seen[c.name] {
			t.Fatalf("two cases are called %q", c.name)
		}
		seen[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, Options{SpillDir: t.TempDir()})
			got := r.raw(c.request)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			var verdicts []payment.Verdict
			for _, a := range r.ledger.stored() {
				verdicts = append(verdicts, a.Inspection.Verdict)
				if a.Delivery.Peer != "127.0.0.1" {
					t.Errorf("peer %q", a.Delivery.Peer)
				}
			}
			if diff := cmp.Diff(c.stored, verdicts); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if files, _ := r.spill.waiting(); files != 0 {
				t.Errorf("%d files were spilled", files)
			}
			if diff := cmp.Diff([]int{200}, r.raw(post(stkPath, stkBody))); diff != "" {
				t.Errorf("the next request (-want +got):\n%s", diff)
			}
			if used := r.memory.used.Load(); used != 0 {
				t.Errorf("%d bytes are still held", used)
			}
		})
	}
}
