// Package statement reads the files that M-PESA's portals export for a merchant
// (reference/statements.md), and any CSV whose columns are named: rows of money with
// their meaning, and what the file says about itself. A file is known by its content
// and its columns by their names. Rows are handed over one by one, so that a file of
// any size is read in little memory. What the rows mean for a ledger is left to
// package reconcile. The .xls files of Excel 97 are refused with what to export instead: of
// their readers in Go the last was released in 2022.
package statement
