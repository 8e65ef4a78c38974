// Package reconcile holds a merchant's statement files against the ledger, payment by
// payment, and says where they differ. It reports and changes nothing: not the ledger,
// not the files. Both sides are read once, as streams, and sorted by receipt in bounded
// memory; what matches is only counted. How files are read is package statement's.
package reconcile
