// Package ui is the only writer: everything that payctl puts on stdout or
// stderr goes through a Printer. Data goes to stdout, talk (notes, progress,
// errors) to stderr, and JSON and text come from the same struct, a View.
//
// Colour and width are decided from the options handed in, once, and never by
// asking the terminal: a terminal that does not answer would stall for seconds.
// Text from outside is escaped before people see it. Package ui knows nothing
// of payments; what to say, and the exit code, are left to cli.
package ui
