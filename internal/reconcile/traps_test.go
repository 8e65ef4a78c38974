package reconcile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// traps are those of reference/statements.md §6, and the bad input that is asked for beside
// them: each with the test or case that holds it, and the right answer. "statement/" are tests
// of the package that reads files.
func traps() [][3]string {
	return [][3]string{
		{"charge above the payment", "statement/charge above", "the leg is the text's, whatever the order"},
		{"charge below the payment", "statement/charge below", "the same"},
		{"two charges on one receipt", "two charges on one receipt", "both are fees, the payment matches gross"},
		{"two equal rows in one file", "TestRepeatedRows", "both count, and the file's checks say so"},
		{"the same receipt in two slices", "the same receipt in two slices", "its rows count once"},
		{"a sweep pair in C", "C", "one transaction, no customer's payment"},
		{"a Failed row with an amount", "a failed row with an amount", "moves no money"},
		{"a reversal on another day", "a reversal of a payment of another day", "the ledger's payment is reversed: critical"},
		{"a reversal in another file", "a reversal in another file", "belongs to the payment that it names"},
		{"a reversal that names nothing", "a reversal without a link", "a proposal at most"},
		{"cents", "cents", "amount_differs, tolerance 0"},
		{"Fuliza's reason types", "statement/fuliza", "a payment"},
		{"a reference without its leading zero", "a leading zero is a weak reference", "fits, weakly"},
		{"Excel's 1E+11 for a reference", "a spreadsheet's 1E+11 is a weak reference", "fits, weakly"},
		{"a comma in a name", "statement/comma in a name", "one cell"},
		{"a byte order mark", "statement/TestCodePages", "is no part of the first title"},
		{"a byte of code page 1252", "statement/TestCodePages", "is that letter"},
		{"CRLF", "statement/crlf", "is a line end"},
		{"U+2212", "statement/u+2212", "is a minus"},
		{"no-break spaces in numbers", "statement/nbsp in numbers", "are none of the number"},
		{"a Java double", "statement/java double", "1.0E7 is ten million"},
		{"Excel's serial dates, as text", "statement/excel serial", "are days since 1899-12-30"},
		{"Excel's serial dates, as numbers", "statement/TestResaved", "are days since 1899-12-30"},
		{"01-02-2026 in rows", "statement/TestMonthFirst", "a number above 12 or the receipts tell; else the day stands first"},
		{"01-02-2026 above the rows", "statement/TestPeriod", "the order of the rows"},
		{"a header twice", "a header twice", "is no row"},
		{"files glued together", "files glued together", "each is read under its own titles, rows of both count once"},
		{"files glued without a line end", "statement/glued without a line end", "the row that was spoilt is listed"},
		{"CSV that is XLSX", "statement/TestByContent", "is read as XLSX"},
		{"CSV that is HTML", "statement/html", "is refused as HTML"},
		{"an empty period", "an empty period", "is read; what the ledger has is only_ledger"},
		{"a closing balance of a day that runs", "statement/TestTodayIsNoFuture", "is no check, and the file covers until it was made"},
		{"a ledger's receipt in lower case", "a receipt twice in the ledger", "is the same receipt"},
		{"two short codes in one ledger", "two short codes in one ledger", "the other's rows are not compared"},
		{"two short codes in one file", "statement/two codes", "is refused"},
		{"an export of completed transactions", "a file of completed transactions alone", "absence proves nothing of a failure"},
		{"a settlement account's file", "a settlement account", "is refused by its name"},
		{"an MMF account's file", "an MMF account", "is refused by its name"},
		{"a consumer's statement", "statement/consumer", "is refused as that"},
		{"a PDF", "statement/pdf", "is refused, with what to export"},
		{"a future period", "statement/future", "is refused"},
		{"a file of today that ends tonight", "statement/TestTodayIsNoFuture", "is read"},
		{"Excel 97", "statement/xls", "is refused, with what to export"},
		{"a workbook with a password", "statement/a workbook with a password", "is refused as that"},
		{"a zip with a password", "statement/a zip with a password", "is refused as that"},
		{"a zip bomb", "statement/a bomb of texts", "is refused early"},
		{"a zip bomb below the titles", "statement/a bomb below the titles", "is refused early"},
		{"a billion laughs", "statement/a billion laughs", "is refused: entities are not expanded"},
		{"NUL bytes", "statement/a NUL far below the beginning", "the row is listed as unreadable"},
		{"a million columns", "statement/a million columns", "those that have titles are read"},
		{"one gigantic line", "statement/one gigantic line", "is refused at a mebibyte"},
		{"a quotation without end", "statement/a quotation without end", "is refused at a mebibyte"},
		{"a file that was cut off", "statement/cut off in a receipt", "the last row is listed as unreadable"},
		{"a row of another period", "statement/a row of another day", "a failed check, with its line"},
		{"a row that cannot be read", "an unreadable row", "is listed, and makes exit 9"},
	}
}

// TestEveryTrap: each trap is held by a test that exists.
func TestEveryTrap(t *testing.T) {
	t.Parallel()
	sources := map[string]string{}
	for prefix, dir := range map[string]string{"": ".", "statement/": "statement"} {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no tests in %s: %v", dir, err)
		}
		for _, name := range files {
			if filepath.Base(name) == "traps_test.go" {
				continue
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sources[prefix] += string(data)
		}
	}
	for _, trap := range traps() {
		name, in := strings.CutPrefix(trap[1], "statement/")
		source := sources[""]
		if in {
			source = sources["statement/"]
		}
		held := strings.Contains(source, `"`+name+`":`) || strings.Contains(source, "func "+name+"(")
		if !held {
			t.Errorf("%s: there is no %s", trap[0], trap[1])
		}
	}
}
