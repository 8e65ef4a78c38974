package payment

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func allSources() []Source {
	return []Source{SourceCallback, SourceTransaction, SourceStream, SourcePoll, SourceQuery, SourceAnswer}
}

// moveTable is what a claim does to a deposit, written down row by row: the
// current status and who decided it, then the moves for claims of CREATED,
// UNKNOWN, PENDING, COMPLETED and FAILED. In the last two columns of decided
// rows a slash separates the moves by strength of the claiming source: a
// callback, a transaction status, anything weaker.
const moveTable = `
CREATED   -            none apply apply apply apply
UNKNOWN   -            none none  apply apply apply
PENDING   -            none none  none  apply apply
COMPLETED callback     none none  none  confirm                             conflict
COMPLETED transaction  none none  none  confirm                             conflict
COMPLETED weak         none none  none  confirm                             conflict
FAILED    callback     none none  none  conflict/conflict/conflict          confirm
FAILED    transaction  none none  none  overrule/conflict/conflict          confirm
FAILED    weak         none none  none  overrule/overrule/conflict          confirm
`

func moveNamed(t *testing.T, name string) Move {
	t.Helper()
	for m, n := range map[Move]string{
		MoveNone: "none", MoveApply: "apply", MoveConfirm: "confirm", MoveOverrule: "overrule", MoveConflict: "conflict",
	} {
		if n == name {
			return m
		}
	}
	t.Fatalf("no move %q", name)
	return MoveNone
}

// strength sorts sources into the columns of the table: 0 callback, 1
// transaction status, 2 the rest.
func strength(s Source) int {
	switch s {
	case SourceCallback:
		return 0
	case SourceTransaction:
		return 1
	case SourceStream, SourcePoll, SourceQuery, SourceAnswer, SourceOperator, SourceHint:
	}
	return 2
}

// TestDecide checks every pair of statuses with every pair of sources (money
// rule 3).
func TestDecide(t *testing.T) {
	t.Parallel()
	checked := 0
	for line := range strings.SplitSeq(strings.TrimSpace(moveTable), "\n") {
		cells := strings.Fields(line)
		current, deciders := Status(cells[0]), []Source{Source(cells[1])}
		switch cells[1] {
		case "-":
			deciders = []Source{""}
		case "weak":
			deciders = []Source{SourceStream, SourcePoll, SourceQuery, SourceAnswer}
		}
		for _, decidedBy := range deciders {
			for i, claimed := range []Status{StatusCreated, StatusUnknown, StatusPending, StatusCompleted, StatusFailed} {
				choices := strings.Split(cells[2+i], "/")
				for _, by := range allSources() {
					want := choices[0]
					if len(choices) == 3 {
						want = choices[strength(by)]
					}
					checked++
					if got := Decide(current, decidedBy, claimed, by); got != moveNamed(t, want) {
						t.Errorf("%s decided by %q, %s by %q: move %d, want %s", current, decidedBy, claimed, by, got, want)
					}
				}
			}
		}
	}
	if want := (3 + 2*6) * 5 * 6; checked != want {
		t.Errorf("the table has %d cases, want %d", checked, want)
	}
}

// TestDecideOutsideTheTable checks that what is no status moves nothing, and
// that no claim ever leads out of a final status to an undecided one.
func TestDecideOutsideTheTable(t *testing.T) {
	t.Parallel()
	for _, s := range Statuses() {
		for _, bad := range []Status{"", "completed", "EXPIRED", "REVERSED"} {
			if got := Decide(s, "", bad, SourceCallback); got != MoveNone {
				t.Errorf("%s, claimed %q: move %d, want none", s, bad, got)
			}
			if got := Decide(bad, "", s, SourceCallback); got != MoveNone {
				t.Errorf("%q, claimed %s: move %d, want none", bad, s, got)
			}
		}
	}
	if got := Decide(StatusCompleted, SourceCallback, StatusFailed, "rumour"); got != MoveConflict {
		t.Errorf("an unknown source against a final status: move %d, want conflict", got)
	}
	if got := Decide(StatusFailed, "rumour", StatusCompleted, "rumour"); got != MoveConflict {
		t.Errorf("two unknown sources: move %d, want conflict", got)
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	var got []string
	for _, s := range append(Statuses(), "", "pending") {
		got = append(got, fmt.Sprintf("%s final=%t valid=%t", s, s.Final(), s.Valid()))
	}
	want := []string{
		"CREATED final=false valid=true", "UNKNOWN final=false valid=true", "PENDING final=false valid=true",
		"COMPLETED final=true valid=true", "FAILED final=true valid=true",
		" final=false valid=false", "pending final=false valid=false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}
