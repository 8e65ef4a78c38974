package emulator

import (
	"github.com/payctl/payctl/internal/emulator/daraja"
	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/front"
	"github.com/payctl/payctl/internal/emulator/mpesa"
	"github.com/payctl/payctl/internal/emulator/portal"
	"github.com/payctl/payctl/internal/emulator/wasaapay"
)

// What the rooms of the emulator show to its users.
type (
	// Exchange is one request and its answer, as the log shows it.
	Exchange = engine.Exchange
	// Behaviour is one behaviour that can be switched on.
	Behaviour = engine.Behaviour
	// Creds are the fixed local credentials that the emulator accepts.
	Creds = engine.Creds
	// Prompt is an open payment as the payer's handset shows it.
	Prompt = mpesa.Prompt
	// Outcome is one way in which a payer, or M-PESA, ends a prompt.
	Outcome = mpesa.Outcome
	// EventRequest asks for an event of what the emulator does not play.
	EventRequest = wasaapay.EventRequest
	// EmittedEvent is an event that was made.
	EmittedEvent = wasaapay.EmittedEvent
	// Statement is a statement file as the portal would have exported it.
	Statement = portal.Statement
	// CA is the authority behind HTTPS and the proxy.
	CA = front.CA
)

// Directions of an Exchange.
const (
	DirectionIn  = engine.DirectionIn
	DirectionOut = engine.DirectionOut
)

// ControlHeader is what a control call that changes something must carry, with the value 1.
const ControlHeader = front.ControlHeader

// Credentials returns the fixed local credentials. They open nothing outside the emulator.
func Credentials() Creds { return engine.Credentials() }

// Outcomes lists every outcome, the ordinary one first.
func Outcomes() []Outcome { return mpesa.Outcomes() }

// Typed turns what a payer types at a prompt into the name of an outcome; unknown leaves
// the prompt alone.
func Typed(line string) (outcome string, known bool) { return mpesa.Typed(line) }

// EmittedEvents are the events that can be asked for.
func EmittedEvents() []string { return wasaapay.EmittedEvents() }

// OpenCA reads the CA in the folder dir, or makes one there. Files that cannot be read are an error that names them.
func OpenCA(dir string) (*CA, error) { return front.OpenCA(dir) }

// CertificatePEM is the certificate that a SecurityCredential for the emulator is encrypted with. It never changes.
func CertificatePEM() (string, error) { return daraja.CertificatePEM() }
