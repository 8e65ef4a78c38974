package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/payctl/payctl/internal/payment"
)

// codeOf returns the server's code in err, "" if there is none.
func codeOf(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// The codes that are looked for (PostgreSQL's appendix A).
const (
	codeSerialization  = "40001"
	codeDeadlock       = "40P01"
	codeUnique         = "23505"
	codeNoTable        = "42P01"
	codeNoRight        = "42501"
	codeReadOnly       = "25006"
	codeStaleStatement = "0A000"
	codeNoStatement    = "26000"
	codeParameter      = "08P01"
	codePassword       = "28P01"
	codeNoAccess       = "28000"
	codeNoDatabase     = "3D000"
	codeDiskFull       = "53100"
	codeManyClients    = "53300"
	codeTooLong        = "57014"
	codeLockTimeout    = "55P03"
)

// isFatal reports an error that ends the transaction, or the connection, whatever was
// asked: no other statement would have fared better.
func isFatal(err error) bool {
	if _, lost := errors.AsType[*lostError](err); lost {
		return true
	}
	code := codeOf(err)
	if len(code) != 5 {
		return false
	}
	switch code[:2] {
	case "08", "25", "40", "53", "57", "58", "XX", "F0", "26", "0A":
		return true
	}
	return false
}

// isAway reports that the server could not be reached, or is starting or stopping.
func isAway(err error) bool {
	code := codeOf(err)
	_, lost := errors.AsType[*lostError](err)
	return lost && code == "" || strings.HasPrefix(code, "57P") || code == codeManyClients
}

// mayAgain reports an error after which the same transaction may well succeed.
func mayAgain(err error) bool {
	switch codeOf(err) {
	case codeSerialization, codeDeadlock, codeUnique, codeStaleStatement, codeNoStatement, codeReadOnly, codeLockTimeout:
		return true
	}
	return false
}

// Error gives a driver's error its kind and its words; what says what was attempted.
func (db *DB) Error(what string, err error) error {
	out := &payment.Error{Kind: payment.KindInternal, Err: err}
	var fromServer *pgconn.PgError
	_ = errors.As(err, &fromServer)
	unavailable := func(problem, hint string) {
		out.Kind, out.Retryable = payment.KindUnavailable, true
		out.Message, out.Hint = fmt.Sprintf("%s: %s %s", what, db.place.name, problem), hint
	}
	code := codeOf(err)
	switch {
	case errors.Is(err, errSilent):
		unavailable("does not answer in time", "look at the server and the network, and try again")
	case fromServer == nil:
		unavailable("cannot be reached: "+cause(err), "look at the server and the network, and try again")
	case code == codePassword, code == codeNoAccess:
		out.Kind = payment.KindUnauthorized
		out.Message, out.Hint = fmt.Sprintf("%s: %s refuses the user or the password", what, db.place.name), "check the user, the password and the server's pg_hba.conf"
	case code == codeParameter:
		out.Kind = payment.KindUsage
		out.Message = fmt.Sprintf("%s: %s refuses the connection: %s", what, db.place.name, payment.Line(fromServer.Message, 200))
		out.Hint = "a pooler takes no such parameter: leave it out of the URL, and set it for the role or the database"
	case code == codeNoDatabase:
		out.Kind = payment.KindUsage
		out.Message, out.Hint = fmt.Sprintf("%s: %s: there is no such database", what, db.place.name), "create it, then run payctl ledger migrate"
	case code == codeNoTable:
		return db.noLedger()
	case code == codeNoRight:
		out.Kind = payment.KindUnauthorized
		out.Message = fmt.Sprintf("%s: %s: the user has no right to do this", what, db.place.name)
		out.Hint = "use the writer's role, or payctl ledger migrate with the owner's"
	case code == codeReadOnly:
		unavailable("takes no writes: it is a standby, or set read-only", "name all hosts, with target_session_attrs=read-write")
	case code == codeLockTimeout:
		unavailable("is held by another transaction", "try again; look for long transactions on the server")
	case code == codeSerialization, code == codeDeadlock:
		unavailable("is too busy: others changed the same at every try", "try again")
	case code == codeUnique && fromServer.ConstraintName == "deposits_token":
		return payment.Usage("callback token: it belongs to another deposit", "leave it out, and the ledger makes one")
	case strings.HasPrefix(code, "23"):
		out.Kind = payment.KindConflict
		out.Message = what + ": it contradicts what the ledger holds"
	case code == codeDiskFull:
		out.Message = fmt.Sprintf("%s: %s cannot grow: the server's disk is full", what, db.place.name)
		out.Hint = "free some space on the server, or run payctl ledger prune"
	case code == codeManyClients:
		unavailable("has no connection left", "close some, or raise max_connections")
	case code == codeTooLong:
		unavailable("took too long", "try again; look for long transactions on the server")
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "57"):
		unavailable("ended the connection", "try again")
	default:
		out.Message = fmt.Sprintf("%s: %s: %s (%s)", what, db.place.name, payment.Line(fromServer.Message, 200), code)
	}
	return out
}

// cause is the innermost reason of a failed connection, of each host's: the texts around
// it repeat the address.
func cause(err error) string {
	var causes []string
	var collect func(error)
	collect = func(err error) {
		if all, many := err.(interface{ Unwrap() []error }); many {
			for _, one := range all.Unwrap() {
				collect(one)
			}
		} else if inner := errors.Unwrap(err); inner != nil {
			collect(inner)
		} else if text := payment.Line(err.Error(), 120); !slices.Contains(causes, text) {
			causes = append(causes, text)
		}
	}
	collect(err)
	return strings.Join(causes, "; ")
}

func (db *DB) noLedger() error {
	return payment.Usage("db: "+db.place.name+" holds no payctl ledger",
		"make one with payctl ledger migrate --db URL, as the database's owner; no other command does")
}
