package statement

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/payment"
)

// FuzzWorkbook: no sheet makes the reader panic, hang or lose a row unseen. The zip is ours, so
// that the bytes are spent on what is inside.
func FuzzWorkbook(f *testing.F) {
	cells := `<row r="1"><c t="inlineStr"><is><t>` + strings.ReplaceAll(strings.TrimSpace(headB), ",", `</t></is></c><c t="inlineStr"><is><t>`) + `</t></is></c></row>`
	f.Add(`<sheetData>`+cells+`<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2"><v>46330.5</v></c><c r="D2" t="str"><v>Pay Bill</v></c><c r="E2" t="s"><v>1</v></c><c r="F2"><f>1</f><v>1E7</v></c></row></sheetData>`,
		`<sst><si><t>UK4A</t></si><si><r><t>Comp</t></r><r><t>leted</t></r><rPh><t>x</t></rPh></si></sst>`)
	f.Add(`<row><c r="ZZZ9"><is><t>Receipt No</t></is></c></row>`, `<!DOCTYPE s [<!ENTITY a "ha">]><si>&a;</si>`)
	f.Fuzz(func(t *testing.T, sheet, shared string) {
		held(t, packed(t, map[string]string{"xl/worksheets/sheet1.xml": sheet, "xl/sharedStrings.xml": shared}))
	})
}

// held reads a file, and holds what it gives to what a reader promises.
func held(t *testing.T, data []byte) {
	t.Helper()
	file, rows, err := read(t, "x.csv", data, nil)
	if err != nil {
		if payment.KindOf(err) != payment.KindUsage || strings.ContainsAny(err.Error(), "\n\r\x1b") || !utf8.ValidString(err.Error()) {
			t.Errorf("unfit error %q", err)
		}
		return
	}
	bad := 0
	for _, r := range rows {
		switch {
		case r.Problem != "":
			bad++
		case r.Receipt == "" || r.At.IsZero() || r.Status == "" || r.Completed && r.Amount == 0:
			t.Errorf("a row without what it needs: %+v", r)
		}
	}
	if bad != file.Unreadable || len(rows) != file.Rows {
		t.Errorf("%d rows, %d of them unreadable; the file says %d and %d", len(rows), bad, file.Rows, file.Unreadable)
	}
}

// FuzzCell: what a cell means does not depend on blanks around it, and what an amount prints
// reads as the same.
func FuzzCell(f *testing.F) {
	for _, seed := range []string{"1,234.50", "1.0E7", "\u2212 5", "46330.4166", "04-11-2026 10:00:00", "11/4/26 1:07 PM", "2026-11-04T10:56:11+03:00", "25470****111", "2547 ***** 126", "1.23457E+11", "receipt=a,amount=b,time=c,status=d", "Pay Bill from 070****222 - BOB Acc. R1 via x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := cents(text); err == nil {
			if again, err := cents(Decimal(n)); err != nil || again != n {
				t.Errorf("%q is %d, printed %q, which is %d, %v", text, n, Decimal(n), again, err)
			}
		}
		for _, order := range []dateOrder{dayFirst, monthFirst} {
			at, err := when(text, order, time.UTC)
			if again, _ := when(at.UTC().Format("2006-01-02 15:04:05"), order, time.UTC); err == nil && at.Year() < 2200 && at.Year() >= 2000 && !again.Equal(at.Truncate(time.Second)) {
				t.Errorf("%q is %s, printed and read %s", text, at, again)
			}
		}
		m := NewMask(text)
		if len(m.Suffix) > 3 || m.Fits("254712345678") && (!strings.HasPrefix("254712345678", m.Prefix) || !strings.HasSuffix("254712345678", m.Suffix)) {
			t.Errorf("mask %+v of %q", m, text)
		}
		if same, weak := SameReference(text, text); plainReference(text) != "" && (!same || weak) {
			t.Errorf("%q is not its own reference", text)
		}
		if normalReceipt(normalReceipt(text)) != normalReceipt(text) {
			t.Errorf("receipt %q is %q, then %q", text, normalReceipt(text), normalReceipt(normalReceipt(text)))
		}
		if c, err := ParseColumns(text); err == nil && (c.Receipt == "" || c.Amount == "" || c.Time == "" || c.Status == "") {
			t.Errorf("%q gives %+v", text, c)
		}
		_, _ = spelled(text), referenceIn(text)
	})
}
