package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const rows = `document.querySelectorAll("#rows tr").length`

// TestLife walks through the view as a developer does.
func TestLife(t *testing.T) {
	s := newStage(t, []string{"--behaviour", "manual"})
	ctx := browser(t)
	s.enter(ctx)
	t.Run("row", func(t *testing.T) { s.live(ctx, t) })
	t.Run("keyboard", func(t *testing.T) { s.keyboard(ctx, t) })
	t.Run("filter", func(t *testing.T) { s.filter(ctx, t) })
	t.Run("replay", func(t *testing.T) { s.replay(ctx, t) })
	t.Run("handset", func(t *testing.T) { s.handset(ctx, t) })
	t.Run("timeline", func(t *testing.T) { s.timeline(ctx, t) })
	t.Run("hostile", func(t *testing.T) { s.hostile(ctx, t) })
	t.Run("tabs", func(t *testing.T) { s.tabs(ctx, t) })
	t.Run("reconnect", func(t *testing.T) { s.reconnect(ctx, t) })
}

func c2b(reference, receipt, amount string) string {
	return fmt.Sprintf(`{"TransactionType":"Pay Bill","TransID":%q,"TransTime":"20261130120000","TransAmount":%q,"BusinessShortCode":"174379","BillRefNumber":%q,"MSISDN":"254712345678","FirstName":"A"}`, receipt, amount, reference)
}

func (s *stage) arrive(reference, receipt, amount string) {
	s.post("/callbacks/daraja/c2b/confirmation", c2b(reference, receipt, amount))
}

// live: a commit is on the page within 300 ms, without a word from the person; the text for
// an empty list goes.
func (s *stage) live(ctx context.Context, t *testing.T) {
	s.open(ctx, "/")
	s.wait(ctx, `document.querySelector("#live.good") !== null`)
	if s.text(ctx, `document.querySelector("#empty").hidden`) != "false" {
		t.Error("an empty list says nothing")
	}
	s.do(ctx, chromedp.Sleep(500*time.Millisecond)) // the page is at rest
	best := time.Hour
	for i := range 5 {
		s.do(ctx, chromedp.Sleep(200*time.Millisecond))
		s.arrive(fmt.Sprintf("LIVE-%d", i), fmt.Sprintf("UKT000000%d", i), "10")
		began := time.Now()
		s.wait(ctx, fmt.Sprintf(rows+" === %d", i+1))
		best = min(best, time.Since(began))
	}
	t.Logf("a commit was on the page %v after its answer, at best of five", best)
	if best > 300*time.Millisecond {
		t.Errorf("a commit is on the page %v after its answer, want 300 ms", best)
	}
	if s.text(ctx, `document.querySelector("#empty").hidden`) != "true" {
		t.Error("the text for an empty list stays")
	}
	s.wait(ctx, `document.querySelector("[role=status]").textContent.includes("new row")`)
}

// keyboard: rows are chosen, opened, copied and left without a mouse.
func (s *stage) keyboard(ctx context.Context, t *testing.T) {
	s.open(ctx, "/")
	s.wait(ctx, rows+" >= 5")
	second := s.text(ctx, `document.querySelectorAll("#rows tr")[1].id`)
	s.keys(ctx, "j")
	s.keys(ctx, "j")
	if at := s.text(ctx, "document.activeElement.id"); at != second {
		t.Errorf("j j is at %s, want %s", at, second)
	}
	s.keys(ctx, kb.Enter)
	s.wait(ctx, `location.pathname === "/deliveries/`+second+`"`)
	s.wait(ctx, `document.querySelector("#detail [data-id]")?.dataset.id === "`+second+`"`)
	if sel := s.text(ctx, `[...document.querySelectorAll("[aria-selected=true]")].map(r => r.id)`); sel != second {
		t.Errorf("selected is %q, want %q", sel, second)
	}
	s.keys(ctx, "]")
	s.wait(ctx, `document.querySelector("#detail [data-id]").dataset.id === document.querySelectorAll("#rows tr")[2].id`)
	s.keys(ctx, "[")
	s.wait(ctx, `document.querySelector("#detail [data-id]").dataset.id === "`+second+`"`)
	s.keys(ctx, "?")
	s.wait(ctx, `document.querySelector("#help").open`)
	s.keys(ctx, kb.Escape)
	s.wait(ctx, `!document.querySelector("#help").open`)
	s.keys(ctx, "/")
	if at := s.text(ctx, "document.activeElement.id"); at != "filter" {
		t.Errorf("/ is at %q", at)
	}
	s.keys(ctx, "jk")
	if text := s.text(ctx, `document.querySelector("#filter").value`); text != "jk" {
		t.Errorf("the filter took %q", text)
	}
	if stops := s.text(ctx, `document.querySelectorAll("#rows [tabindex='0'], #rows a:not([tabindex])").length`); stops != "1" {
		t.Errorf("Tab stops %s times within the rows, want once", stops)
	}
}

// filter: the box takes the language of --filter, a mistake is shown where it is, and what
// arrives is held against it.
func (s *stage) filter(ctx context.Context, t *testing.T) {
	s.open(ctx, "/")
	s.do(ctx, chromedp.SetValue(chromedp.ID("filter"), `amount > 100 && reference startsWith "F"`), chromedp.Submit(chromedp.ID("filter")))
	s.wait(ctx, `location.search.includes("amount")`)
	s.wait(ctx, `document.body.innerText.includes("Nothing fits")`)
	s.wait(ctx, `document.querySelector("#live.good") !== null`)
	s.arrive("F-1", "UKT0000101", "99")
	s.arrive("F-2", "UKT0000102", "101")
	s.wait(ctx, rows+` === 1 && document.querySelector("#rows").innerText.includes("F-2")`)
	s.do(ctx, chromedp.SetValue(chromedp.ID("filter"), `amuont > 1`), chromedp.Submit(chromedp.ID("filter")))
	s.wait(ctx, `document.querySelector("#filter-error")?.innerText.includes("amuont")`)
	s.open(ctx, "/")
	s.keys(ctx, "m")
	s.wait(ctx, `location.search.includes("since=") && `+rows+` === 0`)
	s.wait(ctx, `document.querySelector("#live.good") !== null`)
	s.arrive("F-3", "UKT0000103", "1")
	s.wait(ctx, rows+" === 1")
}

// replay: sending again reaches the app with the same bytes, and the new attempt is what is
// chosen then; a refusal is shown.
func (s *stage) replay(ctx context.Context, t *testing.T) {
	s.arrive("R-1", "UKT0000201", "5")
	s.open(ctx, "/?filter="+"reference+%3D%3D+%22R-1%22")
	s.wait(ctx, rows+" === 1")
	s.wait(ctx, `document.querySelector("#rows").innerText.includes("1 of 1")`) // forwarded
	s.keys(ctx, "j")
	s.keys(ctx, kb.Enter)
	s.wait(ctx, `document.querySelector(".send") !== null`)
	s.mu.Lock()
	before := len(s.taken)
	s.status = http.StatusConflict
	s.mu.Unlock()
	s.keys(ctx, "r")
	s.wait(ctx, `location.search.includes("sent=1")`)
	s.wait(ctx, `document.querySelector(".attempts .new")?.innerText.includes("409")`)
	s.wait(ctx, `document.activeElement === document.querySelector(".attempts .new")`)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status = http.StatusOK; len(s.taken) != before+1 || s.taken[before] != c2b("R-1", "UKT0000201", "5") {
		t.Errorf("the app got %d more, the last %q", len(s.taken)-before, s.taken[len(s.taken)-1])
	}
}

// handset: a prompt rings, digits are typed as on a phone, and the payment is decided.
func (s *stage) handset(ctx context.Context, t *testing.T) {
	s.open(ctx, "/phone")
	s.wait(ctx, `document.querySelector("#live.good") !== null`)
	ask := func(reference string) {
		s.run("deposit", "create", "--phone", "0712345678", "--amount", "70", "--reference", reference, "-o", "json")
		s.wait(ctx, `document.querySelector(".handset")?.innerText.includes("`+reference+`")`)
	}
	status := func(reference string) string {
		return s.run("deposit", "get", reference, "-o", "json", "--jq", ".status")
	}
	until := func(reference, want string) {
		t.Helper()
		got := ""
		for range 100 {
			if got = strings.TrimSpace(status(reference)); strings.Contains(got, want) {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Errorf("%s is %s, want %s", reference, got, want)
	}
	ask("H-1")
	if text := s.text(ctx, `document.querySelector(".handset").innerText`); strings.Contains(text, "254712345678") {
		t.Error("the handset tells its number")
	}
	s.keys(ctx, "1234")
	s.keys(ctx, kb.Enter)
	s.wait(ctx, `document.body.innerText.includes("sent: paid")`)
	until("H-1", "COMPLETED")
	s.wait(ctx, `document.body.innerText.includes("No prompt is open")`)
	ask("H-2")
	for range 4 {
		s.do(ctx, chromedp.Click(chromedp.CSS(`[data-digit="0"]`)))
	}
	s.do(ctx, chromedp.Click(chromedp.CSS(".go")))
	s.wait(ctx, `document.body.innerText.includes("wrong PIN")`)
	until("H-2", "FAILED")
	ask("H-3")
	s.keys(ctx, kb.Escape)
	s.wait(ctx, `document.body.innerText.includes("sent: cancelled")`)
	until("H-3", "FAILED")
	ask("H-4")
	s.do(ctx, chromedp.SetValue(chromedp.CSS(".handset select[name=outcome]"), "insufficient"))
	s.do(ctx, chromedp.Click(chromedp.CSS(".handset form.row button")))
	s.wait(ctx, `document.body.innerText.includes("sent")`)
	until("H-4", "FAILED")
	// What is chosen stays chosen while the page changes around it.
	s.do(ctx, chromedp.SetValue(chromedp.ID("weather"), "realistic"))
	ask("H-5")
	s.do(ctx, chromedp.Submit(chromedp.ID("weather")))
	s.wait(ctx, `document.body.innerText.includes("the weather has changed")`)
	if out := s.run("emulator", "behaviours", "--running", "-o", "json", "--jq", `[.[] | select(.active) | .name]`); !strings.Contains(out, "query-pending") {
		t.Errorf("the weather is %s", out)
	}
	s.run("emulator", "answer", "0712345678", "paid")
	s.run("emulator", "behaviours", "--weather", "calm", "--set", "manual")
}

// timeline: the page follows a payment while it is open.
func (s *stage) timeline(ctx context.Context, t *testing.T) {
	s.run("deposit", "create", "--phone", "0712345679", "--amount", "33", "--reference", "T-1", "-o", "json")
	s.open(ctx, "/deposits/T-1")
	s.wait(ctx, `document.querySelector("#live.good") !== null`)
	s.wait(ctx, `document.body.innerText.includes("PENDING")`)
	s.do(ctx, chromedp.Click(chromedp.CSS("details > summary")))
	s.run("emulator", "answer", "0712345679", "paid")
	s.wait(ctx, `document.querySelector(".sum").innerText.includes("COMPLETED") && document.querySelector(".timeline").innerText.includes("callback")`)
	if open := s.text(ctx, `document.querySelector("details").open`); open != "true" {
		t.Error("what was opened has closed")
	}
}

// hostile: whatever a body and its fields hold stays text, live and on a fresh page.
func (s *stage) hostile(ctx context.Context, t *testing.T) {
	evil := `<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>"'></pre><svg onload=window.pwned=3>` + "\u202eevil"
	reference, _ := json.Marshal(evil)
	s.open(ctx, "/")
	s.wait(ctx, `document.querySelector("#live.good") !== null`)
	body := strings.Replace(c2b("X", "UKT0000301", "7"), `"X"`, string(reference), 1)
	s.post("/callbacks/daraja/c2b/confirmation", body, "User-Agent", `<script>window.pwned=4</script>`)
	s.wait(ctx, `document.querySelector("#rows tr").innerText.includes("<img src=x")`)
	for _, form := range []string{"pretty", "raw", "hex"} {
		id := s.text(ctx, `document.querySelector("#rows tr").id`)
		s.open(ctx, "/deliveries/"+id+"?body="+form)
		s.do(ctx, chromedp.Sleep(100*time.Millisecond))
		if pwned := s.text(ctx, "window.pwned"); pwned != "undefined" {
			t.Fatalf("%s: a body ran: %s", form, pwned)
		}
		if n := s.text(ctx, `document.querySelectorAll("main img, main script, main svg").length`); n != "0" {
			t.Errorf("%s: a body made %s elements", form, n)
		}
		if turned := s.text(ctx, `document.documentElement.textContent.includes("\u202e")`); turned != "false" {
			t.Errorf("%s: a body turns text around", form)
		}
	}
	s.check(ctx, "hostile")
}

// tabs: ten tabs of a browser hold one stream, and each shows what arrives; when the one
// that listens is closed, another takes over.
func (s *stage) tabs(ctx context.Context, t *testing.T) {
	first, cancel := chromedp.NewContext(ctx)
	s.do(first, chromedp.Navigate(s.ui+"/"))
	var tabs []context.Context
	for range 9 {
		tab, cancel := chromedp.NewContext(ctx)
		defer cancel()
		s.do(tab, chromedp.Navigate(s.ui+"/"))
		tabs = append(tabs, tab)
	}
	s.do(ctx, chromedp.Navigate("about:blank")) // the eleventh, which may have held the lock
	for _, tab := range append(tabs, first) {
		s.wait(tab, `document.querySelector("#live.good") !== null`)
	}
	held, err := chromedp.Run(first, chromedp.Evaluate[string](`navigator.locks.query().then(q => q.held.length + " " + q.pending.length)`, chromedp.EvalAwaitPromise))
	if err != nil || held != "1 9" {
		t.Errorf("locks held and waited for: %q, want 1 9: %v", held, err)
	}
	cancel()
	s.arrive("TAB-1", "UKT0000401", "8")
	for _, tab := range tabs {
		s.do(tab, chromedp.Evaluate[chromedp.Void](`document.dispatchEvent(new Event("visibilitychange"))`))
		s.wait(tab, `document.querySelector("#rows")?.innerText.includes("TAB-1")`)
	}
}

// reconnect: when the view is gone the page says so, and when it is back it goes on.
func (s *stage) reconnect(ctx context.Context, t *testing.T) {
	s.open(ctx, "/")
	s.wait(ctx, `document.querySelector("#live.good") !== null`)
	addr := strings.TrimPrefix(s.ui, "http://")
	_ = s.view.Process.Signal(syscall.SIGTERM)
	s.wait(ctx, `document.querySelector("#live.bad")?.innerText.includes("disconnected")`)
	s.wait(ctx, `document.querySelector("[role=status]").textContent.includes("disconnected")`)
	s.startView(addr)
	// Another process has other tokens: the browser has to be let in again.
	s.wait(ctx, `document.querySelector("[role=status]").textContent.includes("no longer let in") || document.querySelector("#live.bad") !== null`)
	s.enter(ctx)
	s.arrive("BACK-1", "UKT0000501", "9")
	s.wait(ctx, `document.querySelector("#rows").innerText.includes("BACK-1")`)
}

// TestOpen: what --open gives to the browser leads in, though it begins at a file, and the
// token is nowhere in the arguments.
func TestOpen(t *testing.T) {
	s := newStage(t, nil)
	file := filepath.Join(s.dir, "open.html")
	if err := os.WriteFile(file, []byte(`<!doctype html><meta http-equiv="refresh" content="0;url=`+s.start+`">`), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := browser(t)
	s.do(ctx, chromedp.Navigate("file://"+file))
	s.wait(ctx, `location.href === "`+s.ui+`/" && document.querySelector("#live.good") !== null`)
	other := browser(t)
	s.do(other, chromedp.Navigate(s.start))
	s.wait(other, `document.body.innerText.includes("has been used")`)
}

// TestForeignPages: a page of another port, of a rebound name and in a frame can neither
// read nor change anything.
func TestForeignPages(t *testing.T) {
	s := newStage(t, []string{"--clock", "virtual"})
	s.arrive("SECRET-REFERENCE", "UKT0000601", "9")
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>x</title><iframe src="%s/"></iframe><script src="%s/assets/app.js"></script>
			<form id="f" method="post" action="%s/phone/clock"><input name="advance" value="90s"></form>`, s.ui, s.ui, s.ui)
	}))
	defer foreign.Close()
	port := s.ui[strings.LastIndexByte(s.ui, ':')+1:]
	ctx := browser(t, chromedp.Flag("host-resolver-rules", "MAP evil.test 127.0.0.1"))
	s.enter(ctx) // the browser has the cookie
	s.do(ctx, chromedp.Navigate(foreign.URL))
	read := func(address, how string) string {
		v, err := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf(`fetch(%q, %s).then(r => r.text()).catch(e => "refused")`, address, how), chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, how := range []string{`{}`, `{credentials:"include"}`, `{mode:"no-cors",credentials:"include"}`, `{method:"POST",mode:"no-cors",credentials:"include",body:new URLSearchParams({advance:"90s"})}`} {
		for _, path := range []string{"/", "/api/deliveries", "/phone/clock"} {
			if got := read(s.ui+path, how); strings.Contains(got, "SECRET") || strings.Contains(got, "payctl") {
				t.Errorf("a page of another port read %s with %s: %.100s", path, how, got)
			}
		}
	}
	v, err := chromedp.Run(ctx, chromedp.Evaluate[string](`new Promise(done => { const e = new EventSource("`+s.ui+`/events", {withCredentials: true}); e.onopen = () => done("open"); e.onerror = () => done("refused"); })`, chromedp.EvalAwaitPromise))
	if err != nil || v != "refused" {
		t.Errorf("a page of another port opened the stream: %s %v", v, err)
	}
	s.do(ctx, chromedp.Evaluate[chromedp.Void](`document.getElementById("f").submit()`))
	s.wait(ctx, `document.body.innerText.includes("another site may not call")`)
	s.do(ctx, chromedp.Navigate("http://evil.test:"+port+"/"))
	s.wait(ctx, `document.body.innerText.includes("its own address only")`)
	if got := read("http://evil.test:"+port+"/api/deliveries", `{credentials:"include"}`); strings.Contains(got, "SECRET") {
		t.Errorf("a rebound page read %.100s", got)
	}
	if out := s.run("emulator", "clock", "show", "-o", "json", "--jq", ".ran"); strings.TrimSpace(out) != "0" {
		t.Errorf("a foreign page moved the clock: %s", out)
	}
}
