package cli

import (
	"errors"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// exitCode maps a kind of error to what a script sees. It is the one place
// where exit codes are made.
func exitCode(kind payment.Kind) int {
	switch kind {
	case payment.KindInternal:
		return 1
	case payment.KindDeclined:
		return 3
	case payment.KindUnauthorized:
		return 4
	case payment.KindNotFound:
		return 5
	case payment.KindBadSignature:
		return 6
	case payment.KindUnavailable:
		return 7
	case payment.KindPending:
		return 8
	case payment.KindConflict:
		return 9
	case payment.KindUsage:
		return 64
	case payment.KindInterrupted:
		return 130
	}
	return 1
}

// exitCodesHelp is the text of "payctl help exit-codes"; a test holds it
// against exitCode.
const exitCodesHelp = `payctl's exit codes are a contract that scripts may rely on.

  code  kind           a script may conclude
  0     -              done; with --wait or watch: COMPLETED; verify: all valid
  1     internal       unclassified: a bug, the disk
  3     declined       the payment is FAILED: final
  4     unauthorized   credentials are missing or were refused
  5     not_found      no such deposit, delivery or transaction
  6     bad_signature  at least one payload does not verify
  7     unavailable    network, 5xx or rate limit: safe to try again
  8     pending        still undecided, or an unknown outcome: not a failure
  9     conflict       a duplicate, contradicting results, or a ledger newer than payctl
  64    usage          flags, arguments, configuration or input
  130   interrupted    stopped by a signal

A signal is how listen, emulator and emulator phone end: they finish what is open
and exit with 0.

Code 2 is never used: a crashing Go program exits with it.
`

// errorView turns an error into what is shown of it.
func errorView(err error) ui.ErrorView {
	kind := payment.KindOf(err)
	view := ui.ErrorView{Kind: kind.String(), Message: payment.FirstLine(err.Error()), ExitCode: exitCode(kind)}
	var e *payment.Error
	if errors.As(err, &e) {
		view.Message, view.Hint = payment.FirstLine(e.Message), e.Hint
		view.Provider, view.ProviderCode = string(e.Provider), e.ProviderCode
		view.Retryable = e.Retryable
	}
	switch {
	case e != nil:
	case kind == payment.KindInterrupted:
		view.Message = "interrupted"
	case kind == payment.KindPending:
		view.Message, view.Hint = "timeout: the time was over before the command was done", "give it a longer --timeout"
	}
	return view
}

// usagef is a KindUsage error with a hint.
func usagef(hint, format string, args ...any) error {
	return payment.Usagef(hint, format, args...)
}
