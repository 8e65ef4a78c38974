package browser

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// reports writes the pages that "payctl stats" and "payctl reconcile" make of a day in which
// most of what can differ does.
func (s *stage) reports() map[string]string {
	s.t.Helper()
	s.furnish()
	s.run("emulator", "behaviours", "--set", "callback-lost")
	s.run("deposit", "create", "--phone", "0712345693", "--amount", "2500", "--reference", "INV-1050", "-o", "json")
	var day string
	for range 200 {
		if day = s.run("emulator", "statement"); strings.Contains(day, "INV-1050,Completed") {
			break
		}
	}
	s.run("emulator", "behaviours", "--weather", "calm")
	lines := strings.SplitAfter(day, "\n")
	for i, line := range lines {
		switch {
		case strings.Contains(line, "INV-1044,Completed"):
			lines[i] = strings.Replace(line, "3200.00", "3150.00", 1)
		case strings.Contains(line, "INV-1045,Completed"):
			lines[i] = strings.Replace(line, "640.00", "6.405", 1)
		case strings.Contains(line, "INV-1041,Completed"):
			lines[i] += regexp.MustCompile("^[0-9A-Z]+").ReplaceAllString(strings.ReplaceAll(line, "INV-1041", "WALK-IN"), "UKU0000001")
		}
	}
	file := filepath.Join(s.dir, "Utility Account.csv")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600); err != nil {
		s.t.Fatal(err)
	}
	out := map[string]string{}
	for name, args := range map[string][]string{
		"stats": {"stats", "--by", "hour"}, "reconcile": {"reconcile", file, "--grace", "1s"},
		"reconcile-empty": {"reconcile", s.header(lines), "--grace", "1s", "--from", "2020-01-01", "--to", "2020-01-01"},
	} {
		out[name] = filepath.Join(s.dir, name+".html")
		s.run(append(args, "--html", out[name])...)
		if _, err := os.Stat(out[name]); err != nil {
			s.t.Fatalf("%s made no page: %v", name, err)
		}
	}
	return out
}

// header is the file without its rows, of a day on which nothing was paid.
func (s *stage) header(lines []string) string {
	s.t.Helper()
	end := 0
	for i, line := range lines {
		if strings.HasPrefix(line, "Receipt No") {
			end = i + 1
		}
	}
	text := regexp.MustCompile(`\d\d-\d\d-20\d\d`).ReplaceAllString(strings.Join(lines[:end], ""), "01-01-2020")
	text = regexp.MustCompile(`(?m)^Opening Balance.*$`).ReplaceAllString(text, "")
	file := filepath.Join(s.dir, "empty.csv")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// TestReports: the pages of reports are read in both schemes, on paper, in a narrow window and
// without colour; their tables have heads that a screen reader can tell, and they ask the
// network for nothing.
func TestReports(t *testing.T) {
	s := newStage(t, nil)
	ctx := browser(t)
	for name, file := range s.reports() {
		address := "file://" + filepath.ToSlash(file)
		for _, look := range []struct{ medium, scheme string }{{"screen", "light"}, {"screen", "dark"}, {"print", "dark"}} {
			at := name + "-" + look.medium + "-" + look.scheme
			s.media(ctx, look.medium, look.scheme)
			width := int64(1280)
			if look.medium == "print" {
				width = 718 // A4 less its margins, at 96 dots an inch
			}
			s.do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(address))
			s.axe(ctx, at)
			s.tables(ctx, at)
			s.picture(ctx, at, true)
			ground := s.text(ctx, "getComputedStyle(document.body).backgroundColor")
			if dark := ground == "rgb(20, 24, 26)"; dark != (look.medium == "screen" && look.scheme == "dark") {
				t.Errorf("%s: the ground is %s", at, ground)
			}
			if over := s.text(ctx, "document.documentElement.scrollWidth > innerWidth"); over != "false" {
				t.Errorf("%s is too wide", at)
			}
			if look.medium == "print" {
				if cut := s.text(ctx, `[...document.querySelectorAll(".scroll")].some(r => r.scrollWidth > r.clientWidth + 1)`); cut != "false" {
					t.Errorf("%s: paper cuts a table off", at)
				}
			}
		}
		s.media(ctx, "screen", "light")
		s.do(ctx, chromedp.EmulateViewport(320, 700), chromedp.Navigate(address))
		if over := s.text(ctx, "document.documentElement.scrollWidth > innerWidth"); over != "false" {
			t.Errorf("%s is too wide at 320 px", name)
		}
		s.picture(ctx, name+"-320", true)
		s.withoutColour(ctx, name)
		s.onPaper(ctx, name)
		if n := s.text(ctx, `performance.getEntriesByType("resource").length`); n != "0" {
			t.Errorf("%s asks the network for %s things", name, n)
		}
	}
}

// tables holds each table to its caption and heads.
func (s *stage) tables(ctx context.Context, name string) {
	s.t.Helper()
	if bad := s.text(ctx, `[...document.querySelectorAll("table")].flatMap(t => {
		const heads = [...t.tHead.rows[0].cells], out = [];
		if (!t.caption || !t.caption.innerText.trim()) out.push("no caption");
		if (heads.some(h => h.tagName !== "TH" || h.scope !== "col" || !h.innerText.trim())) out.push("a column without a head");
		for (const r of t.tBodies[0].rows) {
			if (r.cells.length !== heads.length) out.push("a row of " + r.cells.length + " cells");
			if (r.cells[0].tagName !== "TH" || r.cells[0].scope !== "row") out.push("a row without a head");
		}
		return out;
	}).join("; ")`); bad != "" {
		s.t.Errorf("%s: %s", name, bad)
	}
	if n := s.text(ctx, `document.querySelectorAll("table").length`); n == "0" {
		s.t.Errorf("%s has no table", name)
	}
}

// withoutColour: whatever is marked says so in words or by a sign too, and a bar beside its
// number.
func (s *stage) withoutColour(ctx context.Context, name string) {
	s.t.Helper()
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedVisionDeficiency, emulation.SetEmulatedVisionDeficiencyParams{Type: "achromatopsia"}); err != nil {
		s.t.Fatal(err)
	}
	s.picture(ctx, name+"-grey", true)
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedVisionDeficiency, emulation.SetEmulatedVisionDeficiencyParams{Type: "none"}); err != nil {
		s.t.Fatal(err)
	}
	if bad := s.text(ctx, `[...document.querySelectorAll(".good, .warn, .bad")].filter(e => !/[✓▲✗]/.test(e.innerText) || !e.innerText.replace(/[✓▲✗\s]/g, "")).map(e => e.outerHTML).join("; ")`); bad != "" {
		s.t.Errorf("%s: told by colour alone: %s", name, bad)
	}
	if bad := s.text(ctx, `[...document.querySelectorAll(".bar")].filter(e => !/\d/.test(e.innerText)).length`); bad != "0" {
		s.t.Errorf("%s: %s bars without a number", name, bad)
	}
}

// onPaper prints the page, as whoever reads it in the dark does.
func (s *stage) onPaper(ctx context.Context, name string) {
	s.t.Helper()
	s.media(ctx, "", "dark")
	out, err := chromedp.Call(ctx, page.PrintToPDF, page.PrintToPDFParams{PaperWidth: 8.27, PaperHeight: 11.69})
	if err != nil {
		s.t.Fatal(err)
	}
	data := out.Data
	if dir := os.Getenv("PICTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".pdf"), data, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	if len(data) < 1000 {
		s.t.Errorf("%s prints %d bytes", name, len(data))
	}
}
