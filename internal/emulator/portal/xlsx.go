package portal

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator/mpesa"
	"github.com/payctl/payctl/internal/timing"
)

// business is the file of family D: a sheet that sums up and one with the rows, positive on both sides. The format is
// written by hand: seven short parts, of which a library that can do all of XLSX would be a hundred times the size.
func (f *file) business() (name string, content []byte, err error) {
	const day = "02 Jan 2006"
	account, sheet := "Utility", "M-PESA FULL STATEMENT - Utility"
	if f.till {
		account, sheet = "Merchant", "M-PESA FULL STATEMENT - Merchan" // names end at 31 characters
	}
	rows := [][]any{
		{"M-PESA FULL STATEMENT - " + account},
		{"Organisation Name:", mpesa.ShopName},
		{"Shortcode:", f.shortcode},
		{"Statement Period:", f.from.Format(day) + " - " + f.to.Format(day)},
		{"Request Date:", f.now.Format(day)},
		{"Account Type - " + account + " Account"},
		nil, nil,
		{"Receipt No", "Completion Time", "Details", "Transaction Status", "Paid in", "Withdrawn", "Balance", "Transaction Type", "Other Party"},
	}
	in, out := map[string]mpesa.Cents{}, map[string]mpesa.Cents{}
	for i := len(f.rows) - 1; i >= 0; i-- {
		r := &f.rows[i]
		paidIn, withdrawn := max(r.amount, 0), max(-r.amount, 0)
		in[f.kindOf(r)] += paidIn
		out[f.kindOf(r)] += withdrawn
		rows = append(rows, []any{
			r.receipt, r.completed.In(timing.EAT()).Format(time.DateTime), f.dashed(r), "Completed", paidIn, withdrawn, r.balance, r.reason,
			f.shortcode + "-" + mpesa.ShopName,
		})
	}
	rows = append(rows, nil, []any{"Disclaimer: made by payctl's emulator; not a real statement"})
	summary := [][]any{{"Transaction Type", "Paid In", "Paid Out"}}
	for _, kind := range []string{
		"Pay Bill", "Buy Goods", "Payment to Mobile Number", "Withdraw to Bank", "Withdraw at Agent", "Sell Airtime", "Fees", "Other",
	} {
		summary = append(summary, []any{kind, in[kind], out[kind]})
	}
	summary = append(summary, []any{"Total", f.in, -f.out})
	content, err = workbook([]string{"Summary", sheet}, [][][]any{summary, rows})
	return "M-PESA_FULL_STATEMENT_" + f.shortcode + ".xlsx", content, err
}

func (f *file) kindOf(r *row) string {
	switch r.leg {
	case legPayment:
		return f.word("Pay Bill", "Buy Goods")
	case legCharge:
		return "Fees"
	case legPayout:
		return "Payment to Mobile Number"
	case legSweep:
		return "Withdraw to Bank"
	case legReversal:
	}
	return "Other"
}

// dashed is Details with the customer as this file shows one.
func (f *file) dashed(r *row) string {
	if r.customer == 0 {
		return r.details
	}
	first, last := r.customer.Name()
	return strings.Replace(r.details, maskedParty(r.customer), "- "+r.customer.Starred()+" "+first+" "+last, 1)
}

// workbook writes sheets of texts and amounts.
func workbook(names []string, sheets [][][]any) ([]byte, error) {
	const (
		head      = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
		main      = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
		relations = `"http://schemas.openxmlformats.org/officeDocument/2006/relationships`
		packages  = `"http://schemas.openxmlformats.org/package/2006/`
		kind      = `application/vnd.openxmlformats-officedocument.spreadsheetml.`
	)
	var types, list, links strings.Builder
	parts := [][2]string{}
	for i, name := range names {
		n := strconv.Itoa(i + 1)
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%s.xml" ContentType="%sworksheet+xml"/>`, n, kind)
		fmt.Fprintf(&list, `<sheet name="%s" sheetId="%s" r:id="rId%s"/>`, escaped(name), n, n)
		fmt.Fprintf(&links, `<Relationship Id="rId%s" Type=%s/worksheet" Target="worksheets/sheet%s.xml"/>`, n, relations, n)
		parts = append(parts, [2]string{"xl/worksheets/sheet" + n + ".xml", `<worksheet ` + main + `><sheetData>` + cells(sheets[i]) + `</sheetData></worksheet>`})
	}
	parts = append([][2]string{
		{"[Content_Types].xml", `<Types xmlns=` + packages + `content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="` + kind + `sheet.main+xml"/>` + types.String() + `</Types>`},
		{"_rels/.rels", `<Relationships xmlns=` + packages + `relationships"><Relationship Id="rId1" Type=` + relations + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook ` + main + ` xmlns:r=` + relations + `"><sheets>` + list.String() + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns=` + packages + `relationships">` + links.String() + `</Relationships>`},
	}, parts...)
	var buf bytes.Buffer
	archive := zip.NewWriter(&buf)
	for _, part := range parts {
		w, err := archive.Create(part[0])
		if err != nil {
			return nil, fmt.Errorf("statement: %w", err)
		}
		if _, err := w.Write([]byte(head + part[1])); err != nil {
			return nil, fmt.Errorf("statement: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	return buf.Bytes(), nil
}

// cells are the rows of a sheet; an empty row leaves only its number out.
func cells(rows [][]any) string {
	var b strings.Builder
	for i, values := range rows {
		if len(values) == 0 {
			continue
		}
		fmt.Fprintf(&b, `<row r="%d">`, i+1)
		for j, value := range values {
			at := string(rune('A'+j)) + strconv.Itoa(i+1)
			if amount, ok := value.(mpesa.Cents); ok {
				fmt.Fprintf(&b, `<c r="%s"><v>%s</v></c>`, at, amount.Whole())
				continue
			}
			fmt.Fprintf(&b, `<c r="%s" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>`, at, escaped(fmt.Sprint(value)))
		}
		b.WriteString(`</row>`)
	}
	return b.String()
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}
