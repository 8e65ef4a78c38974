package page

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func sample() Document {
	return Document{
		Title: "Books <script>alert(1)</script>", Lead: "a & b", Made: time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC), Foot: "Made by payctl.",
		Tiles: []Tile{{"Completed", "12", "of 14", Good}, {"Lost", "1", "", Bad}},
		Sections: []Section{
			{Heading: "Days", Note: "All of them.", Table: &Table{
				Caption: "Money in by day",
				Columns: []Column{{Title: "Day"}, {Title: "Amount", Right: true}, {Title: "Note", Wide: true}, {Title: "Share"}},
				Rows: [][]Cell{
					{Text("2026-11-01"), Text("100.00"), {Text: `"quoted"`, Mark: Warn}, Bar("100.00", 100, 200)},
					{Text("2026-11-02"), Text("200.00"), {Text: "payctl trace X", Code: true}, Bar("200.00", 200, 200)},
				},
			}},
			{Heading: "Nothing", Note: "There is none."},
		},
	}
}

func written(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, sample()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSelfContained: nothing is loaded or run, and nothing that is shown becomes markup.
func TestSelfContained(t *testing.T) {
	t.Parallel()
	html := written(t)
	for _, bad := range []string{"<script", "http://", "https://", "src=", "@import", "url(", "<link", " onclick"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if !strings.Contains(html, "Content-Security-Policy") || !strings.Contains(html, "default-src &#39;none&#39;") && !strings.Contains(html, "default-src 'none'") {
		t.Error("the page states no policy")
	}
}

// TestTables: each table has a caption, each column a header with a scope, each row too.
func TestTables(t *testing.T) {
	t.Parallel()
	html := written(t)
	tables := regexp.MustCompile(`(?s)<table>.*?</table>`).FindAllString(html, -1)
	if len(tables) != 1 {
		t.Fatalf("%d tables", len(tables))
	}
	for _, want := range []string{"<caption>Money in by day</caption>", `<th scope="col" class="right">Amount</th>`} {
		if !strings.Contains(tables[0], want) {
			t.Errorf("no %s", want)
		}
	}
	if n := strings.Count(tables[0], `scope="col"`); n != 4 {
		t.Errorf("%d column headers, want 4", n)
	}
	if n := strings.Count(tables[0], `scope="row"`); n != 2 {
		t.Errorf("%d row headers, want 2", n)
	}
	if !strings.Contains(html, "✗ 1") || !strings.Contains(html, `<span class="warn"><span aria-hidden="true">▲</span> &#34;quoted&#34;</span>`) {
		t.Error("a mark is told by colour alone")
	}
}

// TestContrast: text has at least 4.5 to 1 against what is behind it in every scheme,
// bars 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11).
func TestContrast(t *testing.T) {
	t.Parallel()
	schemes := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(style, -1)
	if len(schemes) != 3 {
		t.Fatalf("%d schemes, want light, dark and print", len(schemes))
	}
	for i, s := range schemes {
		colors := map[string]string{}
		for _, m := range regexp.MustCompile(`--(\w+): (#[0-9a-f]+);`).FindAllStringSubmatch(s[1], -1) {
			colors[m[1]] = m[2]
		}
		for _, text := range []string{"ink", "soft", "good", "warn", "bad"} {
			for _, behind := range []string{"ground", "card"} {
				if c := contrast(t, colors[text], colors[behind]); c < 4.5 {
					t.Errorf("scheme %d: %s on %s is %.2f", i, text, behind, c)
				}
			}
		}
		if c := contrast(t, colors["bar"], colors["track"]); c < 3 {
			t.Errorf("scheme %d: a bar on its track is %.2f", i, c)
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, color string) float64 {
	t.Helper()
	hex := strings.TrimPrefix(color, "#")
	if len(hex) == 3 {
		hex = fmt.Sprintf("%c%c%c%c%c%c", hex[0], hex[0], hex[1], hex[1], hex[2], hex[2])
	}
	var out float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatalf("color %q: %v", color, err)
		}
		c := float64(n) / 255
		if c <= 0.03928 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		out += weight * c
	}
	return out
}
