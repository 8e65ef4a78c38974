package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	c2bRoute  = "/callbacks/daraja/c2b/confirmation"
	stkRoute  = "/callbacks/daraja/stk"
	waRoute   = "/callbacks/wasaapay"
	seviRoute = "/callbacks/sevi"

	hostileSecret = "hostile-secret-01"
	hostileToken  = "hostile-token-01"

	c2bPaid  = `{"TransactionType":"Pay Bill","TransID":"UA2K7QX9ZR","TransTime":"20260102030500","TransAmount":"150.00","BusinessShortCode":"600111","BillRefNumber":"INV-1","OrgAccountBalance":"1.00","MSISDN":"2547 ***** 222"}`
	seviPaid = `{"id":"tx_1","walletId":"WAL-1","amount":150,"currency":"KES","transactionType":"CREDIT","status":"COMPLETED"}`
)

// hostile is what a stranger, a page or a planted file does, the answer to it, and the
// state after: the verdicts of what the ledger took in.
type hostile struct {
	name string
	// request is sent to the listener as it stands.
	request string
	// plant is a shell script that plants a file in a directory of its own, in which
	// command is then run; want is its exit code and says a part of its words.
	plant, command, says string
	want                 []int
	kept                 []string
}

func posted(path, body string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n", path, len(body))
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	return b.String() + "\r\n" + body
}

// signed is a compact WasaaPay body with a signature that fits (reference/wasaapay.md §11.4).
func signed(body string) string {
	mac := hmac.New(sha256.New, []byte(hostileSecret))
	mac.Write([]byte(body))
	return strings.TrimSuffix(body, "}") + `,"signature":"sha256=` + hex.EncodeToString(mac.Sum(nil)) + `"}`
}

func paidIn(environment, id string) string {
	return `{"event":"deposit.completed",` + environment + `"data":{"id":` + id + `,"status":"COMPLETED"}}`
}

func stkPaid(checkout, rest string) string {
	return `{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":` + checkout + `,"ResultCode":0,"ResultDesc":"ok","CallbackMetadata":{"Item":[{"Name":"Amount","Value":150.00}` + rest + `]}}}}`
}

// hostileRequests are sent to a listener of a sandbox profile with no secret path.
func hostileRequests() []hostile {
	one := func(verdict string) []string { return []string{verdict} }
	var out []hostile
	add := func(name, request string, status int, kept ...string) {
		out = append(out, hostile{name: name, request: request, want: []int{status}, kept: kept})
	}
	// C2B: nothing vouches for it but the way it comes, and no header is that.
	for _, h := range []string{
		"", "X-Forwarded-For: 196.201.214.200", "X-Real-IP: 196.201.214.200", "CF-Connecting-IP: 196.201.214.200", "Forwarded: for=196.201.214.200",
		"True-Client-IP: 196.201.214.200", "X-Forwarded-For: 127.0.0.1", "X_Payctl_Verdict: valid", "X-Payctl-Verdict: valid", "Authorization: Bearer " + hostileToken,
		"Businessshortcode: 600111", "User-Agent: Safaricom", "X-Payctl-Control: 1",
	} {
		var headers []string
		if h != "" {
			headers = []string{h}
		}
		add("C2B, "+h, posted(c2bRoute, c2bPaid, headers...), 200, "untrusted")
	}
	add("C2B on the push's route", posted(stkRoute, c2bPaid), 200, "malformed")
	add("C2B on the result's route", posted("/callbacks/daraja/result", c2bPaid), 200, "malformed")
	add("C2B, no receipt", posted(c2bRoute, strings.Replace(c2bPaid, `"UA2K7QX9ZR"`, `""`, 1)), 200, "malformed")
	add("C2B with a number for an id", posted(c2bRoute, strings.Replace(c2bPaid, `"UA2K7QX9ZR"`, `5.0`, 1)), 200, "malformed")
	add("C2B of a mebibyte", posted(c2bRoute, strings.Replace(c2bPaid, "INV-1", strings.Repeat("a", 1<<20-400), 1)), 200, "malformed")
	// Pages: a browser says where a post comes from.
	for _, h := range []string{
		"Origin: https://evil.example", "Origin: http://127.0.0.1:3000", "Origin: http://localhost:4020", "Origin: null", "Origin: ",
		"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: cross-site",
	} {
		add("a page, "+h, posted(c2bRoute, c2bPaid, h), 403)
	}
	add("a page's form", posted(stkRoute, "a=b", "Origin: https://evil.example", "Content-Type: application/x-www-form-urlencoded"), 403)
	add("a page asks first", "OPTIONS "+c2bRoute+" HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n", 405)
	// WasaaPay: signatures, environments, ids.
	sandbox := `"environment":"SANDBOX",`
	add("WasaaPay, no signature", posted(waRoute, paidIn(sandbox, `"dep_1"`)), 401, "mismatch")
	add("WasaaPay, another's signature", posted(waRoute, strings.Replace(signed(paidIn(sandbox, `"dep_1"`)), "dep_1", "dep_2", 1)), 401, "mismatch")
	add("WasaaPay, signature in capitals", posted(waRoute, strings.ToUpper(signed(paidIn(sandbox, `"dep_1"`)))), 401, "mismatch")
	add("WasaaPay, an empty signature", posted(waRoute, `{"event":"deposit.completed","signature":"","data":{}}`), 401, "mismatch")
	add("WasaaPay, signature that is a number", posted(waRoute, `{"event":"deposit.completed","signature":0,"data":{}}`), 401, "mismatch")
	for _, environment := range []string{`"environment":"PRODUCTION",`, `"environment":"sandbox ",`, `"environment":"TEST",`, `"environment":["SANDBOX"],`, `"environment":null,`, `"environment":1,`} {
		add("WasaaPay, signed, "+environment, posted(waRoute, signed(paidIn(environment, `"dep_3"`))), 200, "untrusted")
	}
	for _, id := range []string{"9007199254740992", "5", "true", "[1]", `{"a":1}`} {
		add("WasaaPay, signed, id "+id, posted(waRoute, signed(paidIn(sandbox, id))), 400, "malformed")
	}
	add("WasaaPay, another text of a signed number", posted(waRoute, strings.Replace(signed(paidIn(sandbox, "9007199254740992")), "740992", "740993", 1)), 400, "malformed")
	add("WasaaPay, 5.0 for 5", posted(waRoute, strings.Replace(signed(paidIn(sandbox, "5")), `"id":5`, `"id":5.0`, 1)), 400, "malformed")
	add("WasaaPay, a mebibyte of 1e-300", posted(waRoute, `{"signature":"sha256=`+strings.Repeat("0", 64)+`","data":[`+strings.Repeat("1e-300,", 149_000)+`0]}`), 401, "mismatch")
	// Sevi: one token, in one header.
	add("Sevi, no token", posted(seviRoute, seviPaid), 401, "mismatch")
	add("Sevi, another token", posted(seviRoute, seviPaid, "Authorization: Bearer x"), 401, "mismatch")
	add("Sevi, the token's start", posted(seviRoute, seviPaid, "Authorization: "+hostileToken[:8]), 401, "mismatch")
	add("Sevi, two headers", posted(seviRoute, seviPaid, "Authorization: x", "Authorization: "+hostileToken), 401, "mismatch")
	add("Sevi, another scheme", posted(seviRoute, seviPaid, "Authorization: Basic "+hostileToken), 401, "mismatch")
	add("Sevi, another header", posted(seviRoute, seviPaid, "X-Authorization: "+hostileToken), 401, "mismatch")
	for _, id := range []string{"5", "5.0", "9007199254740993", "[1]"} {
		add("Sevi, with the token, id "+id, posted(seviRoute, strings.Replace(seviPaid, `"tx_1"`, id, 1), "Authorization: "+hostileToken), 200, "malformed")
	}
	// Daraja: what is no callback of its own.
	for _, id := range []string{"5", "5.0", "9007199254740993", "true", `["ws_1"]`, `""`, "null"} {
		add("push, id "+id, posted(stkRoute, stkPaid(id, `,{"Name":"MpesaReceiptNumber","Value":"UA2K7QX9Z1"}`)), 200, "malformed")
	}
	add("push, receipt that is a number", posted(stkRoute, stkPaid(`"ws_1"`, `,{"Name":"MpesaReceiptNumber","Value":5}`)), 200, "malformed")
	add("push, nobody's, without a receipt", posted(stkRoute, stkPaid(`"ws_2"`, ``)), 200, "untrusted")
	add("push, two ids", posted(stkRoute, `{"Body":{"stkCallback":{"CheckoutRequestID":"a","CheckoutRequestID":"b","ResultCode":0}}}`), 200, "malformed")
	add("push, an id that forges a line", posted(stkRoute, stkPaid(`"ws\nlevel=ERROR"`, "")), 200, "malformed")
	add("push, ill-formed UTF-8", posted(stkRoute, stkPaid("\"\xff\xfe\"", "")), 200, "malformed")
	add("push, deep nesting", posted(stkRoute, strings.Repeat("[", 500_000)), 200, "malformed")
	add("push, text behind it", posted(stkRoute, stkPaid(`"ws_3"`, "")+"}"), 200, "malformed")
	add("push, no body", posted(stkRoute, ""), 200, "malformed")
	add("push, HTML", posted(stkRoute, "<html>"), 200, "malformed")
	add("result, id that is a number", posted("/callbacks/daraja/result", `{"Result":{"ResultCode":0,"ConversationID":5}}`), 200, "malformed")
	// Paths, methods and framing.
	for _, path := range []string{
		"/callbacks", "/callbacks/daraja/stk/a/b", "/callbacks/daraja/../sevi", "/callbacks/daraja/%73tk", "/callbacks/daraja/STK", "/callbacks/daraja/stk/..", "/callbacks/daraja/stk/%00",
	} {
		add("path "+path, posted(path, c2bPaid), 404, "stray")
	}
	for _, path := range []string{"/", "/.git/config", "/_emulator/state", "/callbacks%2Fsevi"} {
		add("path "+path, posted(path, c2bPaid), 404)
	}
	for _, method := range []string{"GET", "PUT", "DELETE", "TRACE", "post"} {
		add("method "+method, method+" "+stkRoute+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405)
	}
	head := "POST " + stkRoute + " HTTP/1.1\r\nHost: x\r\n"
	add("two lengths", head+"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}", 400)
	add("a negative length", head+"Content-Length: -1\r\n\r\n{}", 400)
	add("a body that ends early", head+"Content-Length: 500\r\n\r\n{}", 400)
	add("a length of terabytes", head+"Content-Length: 9999999999999\r\n\r\n", 413)
	add("chunks that do not end", head+"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", 400)
	add("a chunk that overflows", head+"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}", 400)
	add("an unknown coding", head+"Transfer-Encoding: gzip\r\n\r\n{}", 501)
	add("two hosts", head+"Host: y\r\nContent-Length: 2\r\n\r\n{}", 400)
	add("a zero byte in a header", head+"X-A: a\x00b\r\nContent-Length: 2\r\n\r\n{}", 400)
	add("a huge header", head+"X-A: "+strings.Repeat("a", 64<<10)+"\r\n\r\n", 431)
	add("a huge path", posted("/"+strings.Repeat("a", 64<<10), "{}"), 431)
	add("no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400)
	// A second request behind the first does not get past a check of the first.
	out = append(out, hostile{
		name: "one behind another", want: []int{403, 200}, kept: []string{"untrusted"},
		request: posted(c2bRoute, c2bPaid, "Origin: null") + posted(c2bRoute, strings.Replace(c2bPaid, "ZR", "ZS", 1)),
	})
	// The honest ones are taken, or none of this would show anything.
	out = append(out,
		hostile{name: "honest WasaaPay", request: posted(waRoute, signed(paidIn(sandbox, `"dep_9"`))), want: []int{200}, kept: one("valid")},
		hostile{name: "honest Sevi", request: posted(seviRoute, seviPaid, "Authorization: "+hostileToken), want: []int{200}, kept: one("valid")},
		hostile{name: "a push of another app's", request: posted(stkRoute, stkPaid(`"ws_CO_1"`, `,{"Name":"MpesaReceiptNumber","Value":"UA2K7QX9Z9"}`)), want: []int{200}, kept: one("untrusted")},
	)
	return out
}

// hostileFiles are planted before a command runs. {ID} is another user's.
func hostileFiles() []hostile {
	file := func(name, plant, command, says string) hostile {
		return hostile{name: "file: " + name, plant: plant, command: command, says: says, want: []int{64}}
	}
	project := func(name, yaml, says string) hostile {
		return file("project, "+name, "mkdir .git; cat > .payctl.yaml <<'END'\n"+yaml+"\nEND", "payctl config show", says)
	}
	return []hostile{
		project("ledger", "profiles: {sandbox: {db: x.db}}", `"db"`),
		project("retention", "listen: {retention: 1s}", `"listen.retention"`),
		project("certificate", "daraja: {certificate: x.cer}", `"daraja.certificate"`),
		project("gateway", "daraja: {base_url: \"http://127.0.0.1:1\"}", `"daraja.base_url"`),
		project("proxies", "listen: {trusted_proxies: [0.0.0.0/1]}", `"listen.trusted_proxies"`),
		project("address check", "listen: {ip_check: \"off\"}", `"listen.ip_check"`),
		project("production", "profile: production", `"profile"`),
		project("secret", "wasaapay: {webhook_secret: x}", "secret"),
		project("command", "profiles: {local: {wasaapay: {webhook_secret_command: touch ran}}}", "would run a program"),
		project("keyring", "profiles: {local: {wasaapay: {webhook_secret_keyring: x}}}", "ask the keyring"),
		project("file outside", "profiles: {local: {wasaapay: {webhook_secret_file: /etc/passwd}}}", "outside the repository"),
		project("till", "profiles: {sandbox: {daraja: {till: \"1\"}}}", "is not trusted"),
		project("callback address", "profiles: {sandbox: {callback_url: \"https://evil.example\"}}", "is not trusted"),
		project("every interface", "listen: {addr: \"0.0.0.0:1\"}", "beyond this machine"),
		project("environment", "profiles: {mine: {environment: sandbox}}", "environment local only"),
		project("absent environment", "wasaapay: {absent_environment: settle}", `"wasaapay.absent_environment"`),
		project("a secret's anchor", "x: &a {webhook_secret: y}\nwasaapay: *a", ""),
		project("nesting", strings.Repeat("{a: ", 2000)+"1"+strings.Repeat("}", 2000), ""),
		file("project, of all", "mkdir .git; echo 'output: text' > .payctl.yaml; chmod 666 .payctl.yaml", "payctl config show", "other users can change"),
		file("settings, of all", "mkdir -p config/payctl; echo 'profile: local' > config/payctl/config.yaml; chmod 666 config/payctl/config.yaml", "payctl config show", "other users can change"),
		file("ledger, of all", "payctl deposit list; chmod 666 ledger.db", "payctl deposit list", "other users can change"),
		file("ledger, a directory", "mkdir ledger.db", "payctl deposit list", "directory"),
		file("ledger, text", "echo hello > ledger.db", "payctl deposit list", "not a payctl ledger"),
		file("ledger, a pipe", "mkfifo ledger.db", "payctl deposit list", "not a payctl ledger"),
		file("token, of all", "payctl listen --print-secret-path; chmod 666 ledger.db.token", "payctl listen --print-secret-path", "token file: other users can change"),
		file("token, too short", "echo x > ledger.db.token; chmod 600 ledger.db.token", "payctl listen --print-secret-path", "token file"),
		file("token, a pipe", "mkfifo -m 666 ledger.db.token", "payctl listen --print-secret-path", "token file"),
		file("spill, of all", "mkdir ledger.db.spill; chmod 777 ledger.db.spill", "payctl listen --addr 127.0.0.1:0", "spill directory: other users can change"),
		file("spill, a file", "echo x > ledger.db.spill", "payctl listen --addr 127.0.0.1:0", "spill"),
		file("recovery, of all", "mkdir ledger.db.recovery; chmod 777 ledger.db.recovery", "payctl deposit list", "recovery directory: other users can change"),
		file("tunnel, of all", "mkdir -p state/payctl/tunnel; echo '{}' > state/payctl/tunnel/local.json; chmod 666 state/payctl/tunnel/local.json", "payctl config show", "tunnel: other users can change"),
		file("lock, a link", "payctl deposit list; ln -s made ledger.db.failed.lock", "payctl webhook replay --failed --to http://127.0.0.1:1/", "not a regular file"),
		file("secret, of all", "echo s > s; chmod 666 s; echo '{}' > b", "payctl webhook sign b --secret-file s", "other users can change"),
		file("secret, endless", "echo '{}' > b", "payctl webhook sign b --secret-file /dev/zero", "larger than"),
		file("plan, of all", "echo phone,amount,reference > p; chmod 666 p", "payctl deposit create --from-file p --yes", "other users can change"),
		file("authority, of all", "echo c > c; chmod 666 c", "payctl webhook trigger stk.completed --to https://127.0.0.1:1/ --ca c", "other users can change"),
		file("certificate, of all", "echo c > c; chmod 666 c", "payctl daraja credential encrypt --certificate c --password-file c", "other users can change"),
		file("backup, of all", "payctl deposit list; payctl ledger backup b; chmod 666 b", "payctl --db new.db ledger restore b --yes", "other users can change"),
		file("statement, a pipe", "mkfifo p", "payctl reconcile p", "no regular file"),
		file("statement, endless", "true", "payctl reconcile /dev/zero", "no regular file"),
	}
}

// TestHostile is the one table of what strangers, pages and planted files do, over real
// sockets and with the real program: the answer to each, and the state after.
func TestHostile(t *testing.T) {
	t.Parallel()
	requests, files := hostileRequests(), hostileFiles()
	if n := len(requests) + len(files); n < 90 {
		t.Fatalf("only %d rows", n)
	}
	seen := map[string]bool{}
	for _, row := range slices.Concat(requests, files) {
		if seen[row.name] {
			t.Fatalf("two rows are called %q", row.name)
		}
		seen[row.name] = true
	}
	t.Run("requests", func(t *testing.T) {
		t.Parallel()
		l := listenHostile(t)
		for _, row := range requests {
			t.Run(row.name, func(t *testing.T) {
				if diff := cmp.Diff(row.want, l.send(t, row.request)); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(row.kept, l.news(t)); diff != "" {
					t.Errorf("kept (-want +got):\n%s", diff)
				}
			})
		}
		if out, code := l.home.run(t, "payctl deposit list -o json"); code != 0 || strings.TrimSpace(out) != "[]" {
			t.Errorf("deposits: %s, exit %d", out, code)
		}
	})
	for _, row := range files {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath("mkfifo"); err != nil {
				t.Skip("owner and mode are Unix's")
			}
			h := newHome(t, "PAYCTL_PROFILE=local")
			if out, code := h.run(t, row.plant); code != 0 {
				t.Fatalf("planting: %s", out)
			}
			out, code := h.run(t, row.command)
			if diff := cmp.Diff(row.want, []int{code}); diff != "" || !strings.Contains(out, row.says) {
				t.Errorf("exit (-want +got):\n%s\nwants %q in %s", diff, row.says, out)
			}
			for _, made := range []string{"ran", "made", "new.db"} {
				if _, err := os.Lstat(filepath.Join(h.dir, made)); err == nil {
					t.Errorf("%s was made", made)
				}
			}
		})
	}
}

// home is a directory with a ledger and settings of its own.
type home struct {
	dir string
	env []string
}

func newHome(t *testing.T, env ...string) home {
	t.Helper()
	dir := t.TempDir()
	return home{dir, append(os.Environ(), append(env, "HOME="+dir, "PAYCTL_DB="+filepath.Join(dir, "ledger.db"),
		"XDG_CONFIG_HOME="+filepath.Join(dir, "config"), "XDG_STATE_HOME="+filepath.Join(dir, "state"), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"))...)}
}

// run runs a shell script and returns its output and exit code.
func (h home) run(t *testing.T, script string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Dir, cmd.Env = h.dir, h.env
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// hostileListener is a running "payctl listen".
type hostileListener struct {
	home home
	addr string
	// last are the newest deliveries that were seen, and the newest stray.
	last [2]string
}

func listenHostile(t *testing.T) *hostileListener {
	t.Helper()
	h := newHome(t, "PAYCTL_PROFILE=sandbox", "PAYCTL_WASAAPAY_WEBHOOK_SECRET="+hostileSecret, "PAYCTL_SEVI_TOKEN="+hostileToken)
	cmd := exec.CommandContext(t.Context(), "payctl", "listen", "--addr", "127.0.0.1:0", "-o", "ndjson")
	cmd.Dir, cmd.Env = h.dir, h.env
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	var ready struct{ URL string }
	if err != nil || json.Unmarshal([]byte(first), &ready) != nil {
		t.Fatalf("not ready: %s %s", first, &log)
	}
	drained := make(chan struct{})
	go func() { defer close(drained); _, _ = io.Copy(io.Discard, lines) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-drained
		_ = cmd.Wait()
		if strings.Contains(log.String(), "panic") {
			t.Errorf("log: %s", &log)
		}
	})
	return &hostileListener{home: h, addr: strings.TrimPrefix(ready.URL, "http://")}
}

// send writes bytes to the listener and returns the statuses of its answers.
func (l *hostileListener) send(t *testing.T, request string) (statuses []int) {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(t.Context(), "tcp", l.addr)
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan struct{})
	defer func() { _ = conn.Close(); <-written }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	go func() {
		defer close(written)
		if _, err := io.WriteString(conn, request); err != nil {
			return // refused early, which the answer shows
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}()
	in := bufio.NewReader(conn)
	for {
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses
		}
		statuses = append(statuses, answer.StatusCode)
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
}

// news returns the verdicts of what the ledger has taken in since it was last asked, oldest
// first.
func (l *hostileListener) news(t *testing.T) (verdicts []string) {
	t.Helper()
	for i, list := range []string{"payctl webhook list --limit 5 -o json", "payctl webhook list --verdict stray --limit 5 -o json"} {
		out, code := l.home.run(t, list+" 2>/dev/null")
		var found []struct{ ID, Verdict string }
		if err := json.Unmarshal([]byte(out), &found); err != nil || code != 0 {
			t.Fatalf("%s: %v, exit %d: %s", list, err, code, out)
		}
		for _, d := range found {
			if d.ID == l.last[i] {
				break
			}
			verdicts = append(verdicts, d.Verdict)
		}
		if len(found) > 0 {
			l.last[i] = found[0].ID
		}
	}
	slices.Reverse(verdicts)
	return verdicts
}
