// Package payment is the vocabulary that every other package speaks: amounts,
// phones, deposits and their statuses, deliveries and the events they carry,
// the kinds of error, and the small ports that providers implement.
//
// It holds rules, not mechanisms: what a status may become, when a callback may
// be trusted, what outranks what. It leaves wire formats to the adapters,
// storage to store and words for people to ui and cli. Standard library only.
package payment
