// Package trace puts everything that the ledger knows about one payment on one line of
// time, whatever identifier it is asked for by, and names the gaps in it. It asks
// nobody and changes nothing. A bundle of it, redacted, is what a provider's support
// desk needs.
package trace
