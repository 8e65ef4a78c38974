package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

const axeVersion = "axe-core@4.14.1"

// axe is the text of axe-core, installed by npm into the user's cache.
var axe = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "payctl-test", strings.ReplaceAll(axeVersion, "@", "-"))
	file := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if text, err := os.ReadFile(file); err == nil {
		return string(text), nil
	}
	if out, err := exec.Command("npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", axeVersion).CombinedOutput(); err != nil {
		return "", &exec.Error{Name: "npm: " + string(out), Err: err}
	}
	text, err := os.ReadFile(file)
	return string(text), err
})

// check has axe-core look at a page of the view.
func (s *stage) check(ctx context.Context, name string) {
	s.t.Helper()
	if n := s.text(ctx, `document.querySelectorAll("[role=status], [role=alert], [aria-live]").length`); n != "1" {
		s.t.Errorf("%s: %s places speak by themselves, want one", name, n)
	}
	s.axe(ctx, name)
}

// axe has axe-core look at a page.
func (s *stage) axe(ctx context.Context, name string) {
	s.t.Helper()
	text, err := axe()
	if err != nil {
		missing(s.t, "axe-core: %v", err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](text)); err != nil {
		s.t.Fatal(err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(
		r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 200) + " " + n.failureSummary)}))))`, chromedp.EvalAwaitPromise))
	if err != nil {
		s.t.Fatal(err)
	}
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		s.t.Fatal(err)
	}
	for _, v := range violations {
		s.t.Errorf("%s: %s, %s: %d\n  %s", name, v.ID, v.Help, len(v.Nodes), strings.Join(v.Nodes[:min(3, len(v.Nodes))], "\n  "))
	}
}

// picture writes what the page looks like into the folder of pictures.
func (s *stage) picture(ctx context.Context, name string, full bool) {
	s.t.Helper()
	dir := os.Getenv("PICTURES")
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	shot := chromedp.CaptureScreenshot()
	if full {
		shot = chromedp.FullScreenshot(100)
	}
	png, err := chromedp.Run(ctx, shot)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// shown writes a picture for README; a few colours keep it small.
func (s *stage) shown(ctx context.Context, name string) {
	s.t.Helper()
	if os.Getenv("WRITE_PICTURES") == "" {
		return
	}
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		s.t.Fatal(err)
	}
	full, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		s.t.Fatal(err)
	}
	counts := map[color.Color]int{}
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			counts[full.At(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int { return counts[b] - counts[a] })
	few := image.NewPaletted(full.Bounds(), colors[:min(len(colors), 64)])
	draw.Draw(few, few.Bounds(), full, image.Point{}, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("pictures", name+".png"), out.Bytes(), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// furnish fills the ledger with what a day brings.
func (s *stage) furnish() {
	s.pay("0712345678", "1500", "INV-1041")
	s.pay("0712345601", "250", "INV-1042")
	s.pay("0712345603", "80", "INV-1043")
	s.pay("0712345690", "3200", "INV-1044")
	s.mu.Lock()
	s.status = 500
	s.mu.Unlock()
	s.pay("0712345691", "640", "INV-1045")
	s.mu.Lock()
	s.status = 200
	s.mu.Unlock()
	s.post("/callbacks/wasaapay", `{"event":"deposit.completed","data":{"id":"1","amount":"10"}}`)
	s.post("/callbacks/daraja/stk", `{"Body":{"stkCallback":{"MerchantRequestID":"a-1","CheckoutRequestID":"ws_CO_1","ResultCode":0,"ResultDesc":"ok","CallbackMetadata":{"Item":[{"Name":"Amount","Value":1.00},{"Name":"MpesaReceiptNumber","Value":"UKT0000001"},{"Name":"PhoneNumber","Value":254712345678}]}}}}`)
}

// TestPages draws each page in both schemes, narrow and enlarged, and has axe-core look at
// it.
func TestPages(t *testing.T) {
	s := newStage(t, nil)
	ctx := browser(t)
	s.enter(ctx)
	for _, empty := range []struct{ name, path string }{{"deliveries-empty", "/"}, {"deposits-empty", "/deposits"}, {"stats-empty", "/stats"}, {"phone-empty", "/phone"}} {
		s.open(ctx, empty.path)
		s.check(ctx, empty.name)
		s.picture(ctx, empty.name, false)
	}
	s.furnish()
	s.run("emulator", "behaviours", "--set", "manual")
	s.run("deposit", "create", "--phone", "0712345692", "--amount", "900", "--reference", "INV-1046", "-o", "json")
	s.open(ctx, "/")
	s.wait(ctx, `document.querySelectorAll("#rows tr").length >= 7`)
	first := s.text(ctx, `[...document.querySelectorAll("#rows tr")].find(r => r.innerText.includes("INV-1045") || r.innerText.includes("640")).id`)
	bad := s.text(ctx, `[...document.querySelectorAll("#rows tr")].find(r => r.innerText.includes("mismatch") || r.innerText.includes("malformed")).id`)
	for _, scheme := range []string{"light", "dark"} {
		s.scheme(ctx, scheme)
		for _, p := range []struct{ name, path, show string }{
			{"deliveries", "/", ""}, {"delivery", "/deliveries/" + first, "deliveries"}, {"delivery-bad", "/deliveries/" + bad + "?body=hex", ""}, {"filter-error", "/?filter=amount+%3E", ""},
			{"deposits", "/deposits", "deposits"}, {"timeline", "/deposits/INV-1045", "timeline"}, {"timeline-failed", "/deposits/INV-1042", ""},
			{"stats", "/stats?span=24h", "stats"}, {"phone", "/phone", "handset"}, {"problem", "/nothing", ""},
		} {
			s.do(ctx, chromedp.EmulateViewport(1280, 900))
			s.open(ctx, p.path)
			s.check(ctx, p.name+" "+scheme)
			s.picture(ctx, p.name+"-"+scheme, false)
			for _, narrow := range []struct {
				name  string
				width int64
				scale float64
			}{{"320", 320, 1}, {"zoom", 640, 2}} {
				s.do(ctx, chromedp.EmulateViewport(narrow.width, 700, chromedp.EmulateScale(narrow.scale)))
				s.open(ctx, p.path)
				// At 320 px (400 % of 1280) nothing but tables and code scrolls sideways.
				if over := s.text(ctx, "document.documentElement.scrollWidth - innerWidth"); strings.TrimPrefix(over, "-") == over && over != "0" {
					t.Errorf("%s %s at %s: %s px too wide", p.name, scheme, narrow.name, over)
				}
				if narrow.name == "320" {
					s.picture(ctx, p.name+"-"+scheme+"-320", true)
				}
			}
			if p.show != "" && scheme == "light" {
				s.do(ctx, chromedp.EmulateViewport(1280, 800))
				s.open(ctx, p.path)
				s.shown(ctx, p.show)
			}
		}
	}
}
