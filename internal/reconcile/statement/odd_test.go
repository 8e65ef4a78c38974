package statement

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// packed is a workbook of one sheet, of the given parts.
func packed(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	all := map[string]string{
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook><sheets><sheet name="S" r:id="r1"/></sheets></workbook>`,
	}
	maps.Copy(all, parts)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range all {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestResaved: what LibreOffice 7.4 made of a portal's file when it was saved as XLSX, with
// times as numbers of days, texts that are shared, sums and balances as formulas, merged cells
// above the titles, and a row that is hidden: hidden or not, the money moved.
func TestResaved(t *testing.T) {
	t.Parallel()
	const name = "resaved_600123.xlsx"
	f, rows, err := read(t, name, sample(t, name), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"8 UK4C000003 04T14:00:00 completed fee -6.60",
		"9 UK4C000003 04T14:00:00 completed payment 1200.50 070****222|100000000000",
		"10 UK4B000002 04T11:30:00 completed payment 405.98 25471****678|0850060",
		"11 UK4A000001 04T10:00:00 completed payment 2500.00 25471****111|INV-1",
	}
	if diff := cmp.Diff(want, lines(rows)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	checks := map[string]string{"total_paid_in": "ok", "total_withdrawn": "ok", "closing_balance": "ok", "balance_chain": "ok", "rows_in_period": "ok"}
	if diff := cmp.Diff(checks, verdicts(f)); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if f.ShortCode != "600123" || f.Account != "Utility Account" || f.From.Format("02T15:04:05") != "04T00:00:00" || f.To.Format("02T15:04:05") != "04T23:59:59" {
		t.Errorf("file %+v", f)
	}
}

// TestCells: texts that stand in their cells, formulas' texts, errors, sums with the noise of
// doubles, dates that are written out, and cells and rows without an address.
func TestCells(t *testing.T) {
	t.Parallel()
	text := func(s string) string { return `<c t="inlineStr"><is><t>` + s + `</t></is></c>` }
	head := "<row>"
	for _, title := range strings.Split(strings.TrimSpace(headB), ",")[:10] {
		head += text(title)
	}
	head += "</row>"
	row := func(receipt, at, in, balance string) string {
		return "<row>" + text(receipt) + at + "<c/>" + text("Pay Bill from 070****222 - bob") + text("Completed") + in + "<c/>" + balance + "</row>"
	}
	number := func(v string) string { return "<c><f>A1+B1</f><v>" + v + "</v></c>" }
	sheet := "<worksheet><sheetData>" + head +
		row("UK4A", `<c t="d"><v>2026-11-04T10:00:00</v></c>`, number("0.30000000000000004"), number("4206.480000000001")) +
		row("UK4B", `<c t="n"><v>46330.416666666664</v></c>`, `<c t="str"><f>TEXT(1)</f><v>1,250.00</v></c>`, "<c/>") +
		row("UK4C", text("04/11/2026 10:00"), `<c t="e"><v>#REF!</v></c>`, "<c/>") +
		row("UK4D", text("04/11/2026 10:00"), "<c><f>A1</f></c>", "<c/>") +
		row("UK4E", text("04/11/2026 10:00"), number("1.005"), "<c/>") +
		"</sheetData></worksheet>"
	_, rows, err := read(t, "x.xlsx", packed(t, map[string]string{"xl/worksheets/sheet1.xml": sheet}), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2 UK4A 04T10:00:00 completed payment 0.30 070****222",
		"3 UK4B 04T10:00:00 completed payment 1250.00 070****222",
		"4 UK4C unreadable: Paid In #REF! is not an amount of whole cents",
		"5 UK4D unreadable: it is completed without an amount",
		"6 UK4E unreadable: Paid In 1.005 is not an amount of whole cents",
	}
	if diff := cmp.Diff(want, lines(rows)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if rows[0].Balance != 420648 {
		t.Errorf("balance %d", rows[0].Balance)
	}
}

// TestHostileWorkbooks: what is made to use up memory or time is refused early.
func TestHostileWorkbooks(t *testing.T) {
	t.Parallel()
	pad := strings.Repeat(" ", 1<<10)
	for name, tt := range map[string]struct {
		parts map[string]string
		want  string
	}{
		"a bomb of texts": {map[string]string{"xl/sharedStrings.xml": "<sst>" + strings.Repeat("<si"+pad+"/>", 17<<10) + "</sst>"}, "unpacks to many times its size"},
		"a bomb of rows":  {map[string]string{"xl/worksheets/sheet1.xml": "<sheetData>" + strings.Repeat("<row"+pad+"/>", 17<<10) + "</sheetData>"}, "no column Receipt No."},
		"a bomb below the titles": {map[string]string{"xl/worksheets/sheet1.xml": "<sheetData><row><c t=\"inlineStr\"><is><t>" +
			strings.ReplaceAll(strings.TrimSpace(headB), ",", "</t></is></c><c t=\"inlineStr\"><is><t>") + "</t></is></c></row>" + strings.Repeat("<row"+pad+"/>", 17<<10) + "</sheetData>"}, "unpacks to many times its size"},
		"one endless comment": {map[string]string{"xl/sharedStrings.xml": "<sst><!--" + strings.Repeat("<a>", 1<<20) + "--></sst>"}, "an element is longer than"},
		"one endless text":    {map[string]string{"xl/sharedStrings.xml": "<sst><si><t>" + strings.Repeat("a", 3<<20) + "</t></si></sst>"}, "an element is longer than"},
		"a billion laughs":    {map[string]string{"xl/sharedStrings.xml": `<!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><sst><si><t>&b;</t></si></sst>`}, "invalid character entity"},
		"no sheet":            {map[string]string{}, "names a sheet that is not in it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := read(t, "x.xlsx", packed(t, tt.parts), nil)
			if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a usage error with %q", err, tt.want)
			}
		})
	}
}

// TestProtected: what a password protects is refused as that, old or new.
func TestProtected(t *testing.T) {
	t.Parallel()
	ole := make([]byte, 2048)
	copy(ole, oleMagic())
	binary.LittleEndian.PutUint16(ole[0x1e:], 9)
	binary.LittleEndian.PutUint32(ole[0x30:], 1)
	plain := bytes.Clone(ole)
	for i, c := range utf16.Encode([]rune("EncryptedPackage")) {
		binary.LittleEndian.PutUint16(ole[1024+128+2*i:], c)
	}
	locked := packed(t, map[string]string{"xl/worksheets/sheet1.xml": "<x/>"})
	for _, mark := range []string{"PK\x01\x02", "PK\x03\x04"} {
		flags := map[string]int{"PK\x01\x02": 8, "PK\x03\x04": 6}[mark]
		for at := 0; ; at += 4 {
			next := bytes.Index(locked[at:], []byte(mark))
			if next < 0 {
				break
			}
			at += next
			locked[at+flags] |= encryptedFlag
		}
	}
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"a workbook with a password": {ole, "is a workbook that a password protects"},
		"Excel 97":                   {plain, "is an Excel 97 file"},
		"Excel 97, cut off":          {plain[:16], "is an Excel 97 file"},
		"a zip with a password":      {locked, "is a zip file that a password protects"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := read(t, "x.xlsx", tt.data, nil)
			if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a usage error with %q", err, tt.want)
			}
		})
	}
}

// TestByContent: a workbook is read under any name.
func TestByContent(t *testing.T) {
	t.Parallel()
	f, rows, err := read(t, "statement.csv", sample(t, "M-PESA_FULL_STATEMENT_654321.xlsx"), nil)
	if err != nil || f.Family != FamilyD || len(rows) != 6 {
		t.Errorf("got family %s, %d rows, %v", f.Family, len(rows), err)
	}
}

// TestOddBytes: what no portal writes is told, and takes neither memory nor time.
func TestOddBytes(t *testing.T) {
	t.Parallel()
	const pay = "Pay Bill from 070****222 - bob Acc. R1"
	good := rowB("UK4A", "04-11-2026 10:00:00", pay, "1", "", "1")
	for name, tt := range map[string]struct {
		data, refused string
		want          []string
	}{
		"a NUL far below the beginning": {
			data: preambleB(headB) + strings.Repeat("\n", 70<<10) + rowB("UK4A\x00", "04-11-2026 10:00:00", pay, "1", "", "1"),
			want: []string{fmt.Sprintf("%d  unreadable: the receipt is not one word", 6+70<<10)},
		},
		"a NUL in an amount":        {data: preambleB(headB) + strings.Repeat("\n", 70<<10) + rowB("UK4A", "04-11-2026 10:00:00", pay, "1\x00", "", "1"), want: []string{fmt.Sprintf("%d UK4A unreadable: Paid In 1\\x00 is not an amount of whole cents", 6+70<<10)}},
		"a NUL at the beginning":    {data: "\x00" + preambleB(headB) + good, refused: "is no text"},
		"a million columns":         {data: preambleB(strings.Repeat(",", 1_000_000)+"\n"+headB) + good + strings.TrimSuffix(good, "\n") + strings.Repeat(",", 1_000_000) + "\n", want: []string{"7 UK4A 04T10:00:00 completed payment 1.00 070****222|R1", "8 UK4A 04T10:00:00 completed payment 1.00 070****222|R1"}},
		"one gigantic line":         {data: strings.Repeat("a", 8<<20), refused: "a row is longer than 1048576 bytes"},
		"a quotation without end":   {data: preambleB(headB) + good + `UK4B,"` + strings.Repeat("04-11-2026 10:00:00\n", 200_000), refused: "a row is longer than 1048576 bytes"},
		"cut off in a receipt":      {data: preambleB(headB) + good + "UK4B000001", want: []string{"6 UK4A 04T10:00:00 completed payment 1.00 070****222|R1", "7 UK4B000001 unreadable: the time is empty"}},
		"cut off in a time":         {data: preambleB(headB) + good + "UK4B,04-11-2026 10:0", want: []string{"6 UK4A 04T10:00:00 completed payment 1.00 070****222|R1", "7 UK4B unreadable: the status is empty"}},
		"glued without a line end":  {data: preambleB(headB) + strings.TrimSuffix(good, "\n") + preambleB(headB) + good, want: []string{"6 UK4A unreadable: the currency KESAccount… is not KES", "11 UK4A 04T10:00:00 completed payment 1.00 070****222|R1"}},
		"another order of columns":  {data: "Short Code:,600123\nTime Period:,From,04-11-2026 00:00:00,To,04-11-2026 23:59:59\nReason Type,Paid In,Receipt No.,Transaction Status,Withdrawn,Completion Time,Details\nPay Bill,5,UK4A,Completed,,04-11-2026 10:00:00,Pay Bill from\n", want: []string{"4 UK4A 04T10:00:00 completed payment 5.00"}},
		"a receipt in another case": {data: preambleB(headB) + rowB("uk4a\u200b", "04-11-2026 10:00:00", pay, "1", "", "1"), want: []string{"6 UK4A 04T10:00:00 completed payment 1.00 070****222|R1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, rows, err := read(t, "x.csv", []byte(tt.data), nil)
			if tt.refused != "" {
				if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("got %v, want a usage error with %q", err, tt.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(rows)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPeriod: the times above the titles are of the same order of day and month as the rows,
// and a row that is not between them shows.
func TestPeriod(t *testing.T) {
	t.Parallel()
	file := func(from, to, reported, row string) string {
		return "Short Code:,600123\nTime Period:,From," + from + ",To," + to + "\nDate of Report:," + reported + "\n" + headB + row
	}
	for name, tt := range map[string]struct{ data, period, check string }{
		"month first by the receipts": {
			file("11/4/2026 0:00", "11/4/2026 23:59", "11/5/2026 6:00", rowB("UK4AAAAAAA", "11/4/2026 10:00", "Pay Bill from", "1", "", "1")),
			"2026-11-04 00:00:00 2026-11-04 23:59:00", "ok",
		},
		"month first by the period": {
			file("11/13/2026 0:00", "11/13/2026 23:59", "", rowB("X1", "11/13/2026 10:00", "Pay Bill from", "1", "", "1")),
			"2026-11-13 00:00:00 2026-11-13 23:59:00", "ok",
		},
		"month first, without rows": {file("11/13/2026 0:00", "11/13/2026 23:59", "", ""), "2026-11-13 00:00:00 2026-11-13 23:59:00", "ok"},
		"a row of another day": {
			file("04-11-2026 00:00:00", "04-11-2026 23:59:59", "", rowB("X1", "04-11-2026 10:00:00", "Pay Bill from", "1", "", "1")+rowB("X2", "03-11-2026 10:00:00", "Pay Bill from", "1", "", "1")),
			"2026-11-04 00:00:00 2026-11-04 23:59:59", "failed: line 6 is not of the period that the file states, 2026-11-04 00:00:00 to 2026-11-04 23:59:59",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _, err := read(t, "x.csv", []byte(tt.data), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.From.Format("2006-01-02 15:04:05") + " " + f.To.Format("2006-01-02 15:04:05"); got != tt.period {
				t.Errorf("period %s, want %s", got, tt.period)
			}
			if got := verdicts(f)["rows_in_period"]; got != tt.check {
				t.Errorf("rows_in_period: %s, want %s", got, tt.check)
			}
		})
	}
	_, _, err := read(t, "x.csv", []byte(file("13/25/2026 0:00", "14-11-2026 23:59:59", "", "")), nil)
	if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), "from is no date and time") {
		t.Errorf("a date that is none gives %v", err)
	}
}

// TestNegativePaidIn: it is read as money in, and told with its line.
func TestNegativePaidIn(t *testing.T) {
	t.Parallel()
	f, rows, err := read(t, "x.csv", []byte(preambleB(headB)+"\n"+rowB("UK4A", "04-11-2026 10:00:00", "Pay Bill from", "-5", "", "1")), nil)
	if err != nil || len(rows) != 1 || rows[0].Amount != 500 {
		t.Fatalf("got %v, %v", lines(rows), err)
	}
	if got := verdicts(f)["signs"]; got != "failed: Paid In is negative in line 7; it was read as money in" {
		t.Errorf("signs: %s", got)
	}
}
