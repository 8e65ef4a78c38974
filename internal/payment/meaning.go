package payment

import "time"

// Meaning is one thing that a provider's code may mean, for people.
type Meaning struct {
	Provider ProviderID
	// APIs are where it means that; none where the provider has but one.
	APIs []string
	// Message is the part of the provider's text that this meaning goes with.
	Message    string
	HTTPStatus []int
	// Class sorts codes by what follows from them, "" where the provider's are not sorted.
	Class string
	// Final says that the code decides.
	Final bool
	Text  string
	// Retry says whether and when to try again, Wait the shortest sensible pause.
	Retry string
	Wait  time.Duration
	// Next is the command or the step to take next.
	Next string
	// Proof is how well it is witnessed, ProofText that in words.
	Proof, ProofText string
	// Source is where people can read it.
	Source string
}

// Explained is a code with all that it may mean; an unknown one means nothing.
type Explained struct {
	Code, Message string
	Meanings      []Meaning
}

// CodeQuery narrows down what a code may mean.
type CodeQuery struct {
	// API is one of Explainer.APIs, "" for any.
	API string
	// Message is the provider's text beside the code; HasMessage tells an empty one from
	// none.
	Message    string
	HasMessage bool
}

// Explainer knows the codes of one provider.
type Explainer interface {
	// APIs tell the same code apart; none where the provider has but one.
	APIs() []string
	// Codes lists what Explain knows, in the order of the catalogue.
	Codes() []string
	// Explain returns what a code may mean; none for an unknown one.
	Explain(code string, q CodeQuery) []Meaning
	// ExplainPayload explains the code in a payload, an answer or a line of a log, if it
	// holds one. named says that somebody said whose it is: what would prove nothing
	// otherwise counts.
	ExplainPayload(text []byte, named bool, q CodeQuery) (Explained, bool)
}
