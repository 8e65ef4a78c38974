package payment

// Status is where a deposit stands.
type Status string

// The statuses of a deposit.
const (
	// StatusCreated is recorded and certainly not sent.
	StatusCreated Status = "CREATED"
	// StatusUnknown is sent without an answer: it may or may not have reached the customer.
	StatusUnknown Status = "UNKNOWN"
	// StatusPending is accepted by the provider and undecided.
	StatusPending Status = "PENDING"
	// StatusCompleted is paid: final.
	StatusCompleted Status = "COMPLETED"
	// StatusFailed is not paid: final.
	StatusFailed Status = "FAILED"
)

// Statuses returns all statuses, in the order of a deposit's life.
func Statuses() []Status {
	return []Status{StatusCreated, StatusUnknown, StatusPending, StatusCompleted, StatusFailed}
}

// Final reports whether a deposit in this status is decided.
func (s Status) Final() bool { return s == StatusCompleted || s == StatusFailed }

// Valid reports whether s is one of the five statuses.
func (s Status) Valid() bool {
	switch s {
	case StatusCreated, StatusUnknown, StatusPending, StatusCompleted, StatusFailed:
		return true
	}
	return false
}

// Source is where a claim about a deposit came from.
type Source string

// The sources, from the strongest to the weakest. Success by callback outranks
// transaction status, which outranks a query (money rule 3). A stream event
// and a poll's answer are the provider's word on request, as a query is.
const (
	// SourceCallback is a trusted callback or webhook.
	SourceCallback Source = "callback"
	// SourceTransaction is the result of a transaction status query.
	SourceTransaction Source = "transaction"
	// SourceStream is an event on the provider's stream.
	SourceStream Source = "stream"
	// SourcePoll is an answer while polling.
	SourcePoll Source = "poll"
	// SourceQuery is an answer to a single question.
	SourceQuery Source = "query"
	// SourceAnswer is the answer to the request that created the deposit.
	SourceAnswer Source = "answer"
	// SourceHint is a payment that fits a deposit and proves nothing; see Hint.
	SourceHint Source = "hint"
	// SourceOperator is the word of a person, with a reason. No proof overrules it
	// silently: what speaks against it is a conflict.
	SourceOperator Source = "operator"
)

// rank orders sources by what they prove; higher is stronger.
func (s Source) rank() int {
	switch s {
	case SourceOperator:
		return 4
	case SourceCallback:
		return 3
	case SourceTransaction:
		return 2
	case SourceStream, SourcePoll, SourceQuery, SourceAnswer:
		return 1
	case SourceHint:
	}
	return 0
}

// Move is what a claim does to a deposit.
type Move uint8

// The moves.
const (
	// MoveNone leaves the deposit: the claim is late, weaker or says nothing new.
	MoveNone Move = iota
	// MoveApply sets the claimed status.
	MoveApply
	// MoveConfirm agrees with the final status; a missing receipt may be filled
	// in. Deposit.Apply makes it a conflict where the receipts differ.
	MoveConfirm
	// MoveOverrule sets the claimed status against a weaker source's final word; the contradiction is recorded.
	MoveOverrule
	// MoveConflict records a contradiction and leaves the status: the operator must look.
	MoveConflict
)

// Decide is the table of money rule 3: what a claim does to a deposit that
// stands at current, decided by decidedBy ("" while undecided).
//
//	claimed \ current  CREATED  UNKNOWN  PENDING  same final  other final
//	CREATED            none     none     none     none        none
//	UNKNOWN            apply    none     none     none        none
//	PENDING            apply    apply    none     none        none
//	COMPLETED, FAILED  apply    apply    apply    confirm     overrule or conflict
//
// Only success told by a stronger source overrules (a callback's success
// against a query's failure); every other contradiction is a conflict.
func Decide(current Status, decidedBy Source, claimed Status, by Source) Move {
	switch {
	case !current.Valid() || !claimed.Valid():
		return MoveNone
	case current.Final() && claimed == current:
		return MoveConfirm
	case current.Final() && claimed == StatusCompleted && by.rank() > decidedBy.rank() && by != SourceOperator:
		return MoveOverrule
	case current.Final() && claimed.Final():
		return MoveConflict
	case current.Final():
		return MoveNone
	case claimed.Final():
		return MoveApply
	case claimed == StatusPending && current != StatusPending:
		return MoveApply
	case claimed == StatusUnknown && current == StatusCreated:
		return MoveApply
	}
	return MoveNone
}
