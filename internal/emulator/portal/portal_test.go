package portal

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// day is 4 November 2026 at noon in Nairobi.
var day = time.Date(2026, 11, 4, 9, 0, 0, 0, time.UTC)

// story is a day's transactions: pushes, payments without one, a payout, a reversal, a till, and others' business.
func story() []*mpesa.Txn {
	at := func(minutes int) time.Time { return day.Add(time.Duration(minutes) * time.Minute) }
	return []*mpesa.Txn{
		{Receipt: "UK4A000001", Kind: mpesa.KindSTK, Amount: 250_000, Customer: 254711000222, From: "254711000222", To: "174379", Reference: "INV-1001", Initiated: at(0), Completed: at(1)},
		{Receipt: "UK4A000002", Kind: mpesa.KindC2B, Amount: 120_050, Customer: 254712345678, From: "254712345678", To: "174379", Reference: "inv, 1002", Initiated: at(2), Completed: at(2)},
		{Receipt: "UK4A000003", Kind: mpesa.KindSTK, Amount: 20_000, Customer: 254733000444, From: "254733000444", To: "600222", Reference: "X", Initiated: at(3), Completed: at(3)},
		{Receipt: "UK4A000004", Kind: mpesa.KindReversal, Amount: 120_050, Customer: 254712345678, From: "174379", To: "254712345678", Reference: "UK4A000002", Initiated: at(4), Completed: at(5)},
		{Receipt: "UK4A000005", Kind: mpesa.KindB2C, Reason: "Business Payment to Customer via API", Amount: 5_000, Customer: 254722000111, From: "174379", To: "254722000111", Initiated: at(6), Completed: at(6)},
		{Receipt: "UK4A000006", Kind: mpesa.KindB2B, Amount: 60_000, From: "600111", To: "174379", Reference: "erin", Initiated: at(7), Completed: at(7)},
		{Receipt: "UK4A000007", Kind: mpesa.KindB2B, Amount: 60_000, From: "174379", To: "600111", Initiated: at(8), Completed: at(8)},
		{Receipt: "UK4A000008", Kind: mpesa.KindSTK, Amount: 50, Customer: 254711000222, From: "254711000222", To: "174379", Initiated: at(60 * 14), Completed: at(60 * 14)},
	}
}

func export(t *testing.T, want Request) Statement {
	t.Helper()
	want.Now = day.Add(20 * time.Hour)
	s, err := Export(story(), want)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reference/statements.md §1, B: to the byte.
func TestOrganisationPortal(t *testing.T) {
	t.Parallel()
	s := export(t, Request{From: "2026-11-04", To: "2026-11-04"})
	want := strings.ReplaceAll(`Account Holder:,PAYCTL SHOP
Short Code:,174379
Account:,Utility Account
Time Period:,From,04-11-2026 00:00:00,To,04-11-2026 23:59:59
Operator:,testapi,Organization:,PAYCTL SHOP,Date of Report:,05-11-2026 08:00:00
Opening Balance:,1000000.00,Closing Balance:,1000550.00,Available Balance:,1000550.00,Total Paid In:,4300.50,Total Withdrawn:,-3750.50
Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.,Currency
UK4A000006,04-11-2026 12:07:00,04-11-2026 12:07:00,Business Pay Bill via API by 600111 - PAYCTL SHOP Acc. erin,Completed,600.00,,1000550.00,true,Business Pay Bill,600111 - PAYCTL SHOP,,erin,KES
UK4A000005,04-11-2026 12:06:00,04-11-2026 12:06:00,Business Payment to Customer via API to 25472****111 - N7,Completed,,-50.00,999950.00,true,Business Payment to Customer via API,25472****111 - N7,,,KES
SWEEP,04-11-2026 12:05:00,04-11-2026 12:05:00,Utility Account to Organization Settlement Account,Completed,,-2479.65,1000000.00,true,Utility Account to Organization Settlement Account,174379 - PAYCTL SHOP,,,KES
UK4A000004,04-11-2026 12:05:00,04-11-2026 12:04:00,Pay Utility Reversal by PAYCTL SHOP\testapi,Completed,,-1200.50,1002479.65,true,Pay Utility Reversal,25471****678 - N2,UK4A000002,,KES
UK4A000002,04-11-2026 12:02:00,04-11-2026 12:02:00,Pay Bill Charge,Completed,,-6.60,1003680.15,true,Pay Utility,SP,,,KES
UK4A000002,04-11-2026 12:02:00,04-11-2026 12:02:00,"Pay Bill from 25471****678 - N2 Acc. inv, 1002",Completed,1200.50,,1003686.75,true,Pay Utility,25471****678 - N2,,"inv, 1002",KES
UK4A000001,04-11-2026 12:01:00,04-11-2026 12:00:00,Pay Bill Charge,Completed,,-13.75,1002486.25,true,Pay Bill Online,SP,,,KES
UK4A000001,04-11-2026 12:01:00,04-11-2026 12:00:00,Pay Bill Online from 25471****222 - N1 Acc. INV-1001,Completed,2500.00,,1002500.00,true,Pay Bill Online,25471****222 - N1,,INV-1001,KES
`, "\n", "\r\n")
	want = strings.ReplaceAll(want, "SWEEP", sweepReceipt("UK4A000004"))
	for name, phone := range map[string]mpesa.MSISDN{"N1": 254711000222, "N2": 254712345678, "N7": 254722000111} {
		first, last := phone.Name()
		want = strings.ReplaceAll(want, name, first+" **** "+last)
	}
	if diff := cmp.Diff(want, string(s.Content)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.Name != "ORG_174379_Utility Account_All_20261105080000.csv" || s.Rows != 8 || s.Account != "Utility Account" {
		t.Errorf("%s, %d rows of %s", s.Name, s.Rows, s.Account)
	}
	till := string(export(t, Request{Shortcode: "600222"}).Content)
	if !strings.Contains(till, "Account:,Merchant Account\r\n") {
		t.Errorf("till: %s", till)
	}
	till = string(export(t, Request{Shortcode: "600222", From: "2026-11-04"}).Content)
	for _, part := range []string{"Merchant Payment Online from 25473****444 - ", ",Completed,200.00,,1000200.00,true,Customer Buy Goods Online,", "Pay merchant Charge,Completed,,-1.10,1000198.90,true,Customer Buy Goods Online,,,,KES"} {
		if !strings.Contains(till, part) {
			t.Errorf("till: %q is not in %s", part, till)
		}
	}
}

// reference/statements.md §1, C: both sides of a sweep, thousands, and the period in the name alone.
func TestNewerTemplate(t *testing.T) {
	t.Parallel()
	s := export(t, Request{Family: "c", From: "2026-11-04", To: "2026-11-04"})
	records := read(t, s.Content)
	if got := strings.Join(records[0], ","); got != "Receipt No,Completion Time,Details,Transaction Status,Paid In (KSHs),Withdrawn (KSHs),Balance (KSHs)" {
		t.Errorf("header %s", got)
	}
	if s.Name != "Statements for 174379 from 2026-11-04 to 2026-11-04.csv" || s.Rows != len(records)-1 || len(records) != 10 {
		t.Errorf("%s with %d rows, %d records", s.Name, s.Rows, len(records))
	}
	var sweep [][]string
	for _, r := range records[1:] {
		if strings.HasPrefix(r[2], "Utility Account to") {
			sweep = append(sweep, r[3:])
		}
	}
	if diff := cmp.Diff([][]string{{"Completed", "2,479.65", "0.00", "2,479.65"}, {"Completed", "0.00", "-2,479.65", "1,000,000.00"}}, sweep); diff != "" {
		t.Errorf("sweep (-want +got):\n%s", diff)
	}
	first, last := mpesa.MSISDN(254711000222).Name()
	if got := records[len(records)-1]; got[1] != "04/11/2026 12:01:00" || got[2] != "Pay Bill Online from 2547****222 - "+first+" "+last+" Acc. INV-1001" {
		t.Errorf("oldest row %q", got)
	}
	for text, amount := range map[string]mpesa.Cents{"0.05": 5, "999.00": 99_900, "1,000.00": 100_000, "-67,390.50": -6_739_050, "1,234,567.89": 123_456_789} {
		if got := thousands(amount); got != text {
			t.Errorf("%d: got %s, want %s", amount, got, text)
		}
	}
}

// reference/statements.md §1, D: a workbook whose summary is the sum of its rows.
func TestBusinessWorkbook(t *testing.T) {
	t.Parallel()
	s := export(t, Request{Family: "D", From: "2026-11-04"})
	archive, err := zip.NewReader(bytes.NewReader(s.Content), int64(len(s.Content)))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][]byte{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if parts[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		for dec := xml.NewDecoder(bytes.NewReader(parts[f.Name])); ; {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		}
	}
	if book := string(parts["xl/workbook.xml"]); !strings.Contains(book, `name="Summary"`) || !strings.Contains(book, `name="M-PESA FULL STATEMENT - Utility"`) {
		t.Errorf("workbook %s", book)
	}
	summary, rows := sheet(t, parts["xl/worksheets/sheet1.xml"]), sheet(t, parts["xl/worksheets/sheet2.xml"])
	if diff := cmp.Diff([]string{"Receipt No", "Completion Time", "Details", "Transaction Status", "Paid in", "Withdrawn", "Balance", "Transaction Type", "Other Party"}, rows[9]); diff != "" {
		t.Errorf("row 9 (-want +got):\n%s", diff)
	}
	if rows[3][1] != "174379" || rows[4][1] != "04 Nov 2026 - 05 Nov 2026" {
		t.Errorf("preamble %v", rows)
	}
	sums := map[string][2]float64{}
	for _, r := range summary {
		if r[0] != "Transaction Type" {
			sums[r[0]] = [2]float64{number(t, r[1]), number(t, r[2])}
		}
	}
	var in, out float64
	for kind, sum := range sums {
		if kind != "Total" {
			in, out = in+sum[0], out+sum[1]
		}
	}
	if total := sums["Total"]; fmt.Sprintf("%.2f %.2f", in, out) != fmt.Sprintf("%.2f %.2f", total[0], total[1]) || fmt.Sprintf("%.2f", total[0]) != s.PaidIn {
		t.Errorf("%v", sums)
	}
	if oldest := rows[9+s.Rows]; !strings.HasPrefix(oldest[2], "Pay Bill Online from - 254711***222 ") || oldest[4] != "2500" || oldest[5] != "0" || oldest[8] != "174379-PAYCTL SHOP" {
		t.Errorf("oldest row %v", oldest)
	}
}

// Slices fit together: what one closes with the next opens with, and they hold the rows of the whole.
func TestSlicesFitTogether(t *testing.T) {
	t.Parallel()
	whole := read(t, export(t, Request{From: "2026-11-04", To: "2026-11-06"}).Content)[7:]
	var pieces [][]string
	closing := "1000000.00"
	for _, slice := range [][2]string{
		{"2026-11-04", "2026-11-04 12:01:00"},
		{"2026-11-04 12:01:01", "2026-11-04T12:04:59"},
		{"2026-11-04T09:05:00Z", "2026-11-04 12:05:00"},
		{"2026-11-04 12:05:01", "2026-11-04 23:59:59"},
		{"2026-11-05", "2026-11-06"},
	} {
		s := export(t, Request{From: slice[0], To: slice[1]})
		if s.Opening != closing {
			t.Errorf("%v opens with %s, the one before closed with %s", slice, s.Opening, closing)
		}
		closing = s.Closing
		pieces = append(read(t, s.Content)[7:], pieces...)
	}
	if diff := cmp.Diff(whole, pieces); diff != "" {
		t.Errorf("(-whole +slices):\n%s", diff)
	}
	balance := 100_000_000
	for _, r := range slices.Backward(whole) {
		balance += cents(t, r[5]) + cents(t, r[6])
		if cents(t, r[7]) != balance {
			t.Errorf("the chain breaks at %v", r)
		}
	}
}

// What is asked wrongly is refused by name; a period without rows is a file all the same.
func TestExportRefusals(t *testing.T) {
	t.Parallel()
	for says, want := range map[string]Request{
		`family "E" is none of B, C and D`:            {Family: "E"},
		`shortcode "12" is not 5 to 9 digits`:         {Shortcode: "12"},
		`from "yesterday" is no time`:                 {From: "yesterday"},
		`to "04-11-2026" is no time`:                  {To: "04-11-2026"},
		`to "2026-11-03" is before from "2026-11-04"`: {From: "2026-11-04", To: "2026-11-03"},
		`from "-2h" is no time`:                       {From: "-2h"},
	} {
		if _, err := Export(nil, want); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("got %v, want %s", err, says)
		}
	}
	for _, from := range []string{"2h", "3d", "1w", "90m"} {
		if _, err := Export(nil, Request{From: from, Now: day}); err != nil {
			t.Errorf("%s: %v", from, err)
		}
	}
	if s := export(t, Request{From: "2026-01-01", To: "2026-01-02"}); s.Rows != 0 || s.Opening != "1000000.00" || s.Closing != s.Opening {
		t.Errorf("%d rows, %s to %s", s.Rows, s.Opening, s.Closing)
	}
}

func read(t *testing.T, content []byte) [][]string {
	t.Helper()
	r := csv.NewReader(bytes.NewReader(content))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// sheet is the cells of a sheet by row.
func sheet(t *testing.T, raw []byte) map[int][]string {
	t.Helper()
	var s struct {
		Rows []struct {
			Number int `xml:"r,attr"`
			Cells  []struct {
				Text   string `xml:"is>t"`
				Number string `xml:"v"`
			} `xml:"c"`
		} `xml:"sheetData>row"`
	}
	if err := xml.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	rows := map[int][]string{}
	for _, r := range s.Rows {
		for _, c := range r.Cells {
			rows[r.Number] = append(rows[r.Number], c.Text+c.Number)
		}
	}
	return rows
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func cents(t *testing.T, text string) int {
	t.Helper()
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(strings.Replace(text, ".", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
