package webhook

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Judged is what checking one payload gave; absent texts are "".
type Judged struct {
	// Provider is whose payload it is, "" where no provider sends one of its shape.
	Provider payment.ProviderID
	Verdict  payment.Verdict
	Event    string
	// Matched is how the proof fitted, Reason why it did not.
	Matched string
	Reason  string
	// Fix is what to do about it, where that is known.
	Fix string
	// At is the event's own time, zero where it has none or was not read.
	At time.Time
	// Stale says that Within refused it for its time.
	Stale bool
}

// Within holds a verdict against a tolerance: one that is believed and whose time is
// further from now becomes a mismatch, which says so.
func (j Judged) Within(tolerance time.Duration, now time.Time) Judged {
	believed := j.Verdict == payment.VerdictValid || j.Verdict == payment.VerdictUnsigned
	if tolerance <= 0 || !believed || j.At.IsZero() || now.Sub(j.At).Abs() <= tolerance {
		return j
	}
	j.Verdict, j.Stale = payment.VerdictMismatch, true
	j.Reason = "its time " + j.At.UTC().Format(time.RFC3339) + " is " + Age(j.At, now) + ", more than the tolerance of " + tolerance.String()
	return j
}

// Age says how far a time is from now.
func Age(at, now time.Time) string {
	d, side := now.Sub(at), "ago"
	if d < 0 {
		d, side = -d, "ahead"
	}
	switch {
	case d >= 48*time.Hour:
		return strconv.Itoa(int(d/(24*time.Hour))) + " days " + side
	case d >= 2*time.Minute:
		return d.Round(time.Minute).String() + " " + side
	}
	return d.Round(time.Second).String() + " " + side
}

// judgedOf takes what a verdict needs from an inspection.
func judgedOf(id payment.ProviderID, i payment.Inspection) Judged {
	j := Judged{Provider: id, Verdict: i.Verdict, Matched: i.Matched, Reason: i.Reason}
	if i.Event != nil {
		j.Event, j.At = i.Event.Name, i.Event.OccurredAt
	}
	return j
}

// Verdict is what checking one payload gave; its keys are the contract of
// "webhook verify".
type Verdict struct {
	Source   string  `json:"source"`
	Index    int     `json:"index"`
	Provider *string `json:"provider"`
	Event    *string `json:"event"`
	Verdict  string  `json:"verdict"`
	Matched  *string `json:"matched"`
	Reason   *string `json:"reason"`
}

// Summary counts verdicts.
type Summary struct {
	Total     int `json:"total"`
	Valid     int `json:"valid"`
	Mismatch  int `json:"mismatch"`
	Malformed int `json:"malformed"`
	Unsigned  int `json:"unsigned"`
}

// Count adds one verdict.
func (s *Summary) Count(v payment.Verdict) {
	s.Total++
	switch v {
	case payment.VerdictValid:
		s.Valid++
	case payment.VerdictMismatch, payment.VerdictUntrusted:
		s.Mismatch++
	case payment.VerdictMalformed, payment.VerdictStray:
		s.Malformed++
	case payment.VerdictUnsigned:
		s.Unsigned++
	}
}

// Add adds another summary.
func (s *Summary) Add(o Summary) {
	s.Total += o.Total
	s.Valid += o.Valid
	s.Mismatch += o.Mismatch
	s.Malformed += o.Malformed
	s.Unsigned += o.Unsigned
}

// Worded makes a Verdict of what was judged; index counts payloads or lines from 0.
func (j Judged) Worded(source string, index int) Verdict {
	return Verdict{
		Source: source, Index: index, Provider: payment.OrNull(string(j.Provider)), Event: payment.OrNull(j.Event), Verdict: string(j.Verdict),
		Matched: payment.OrNull(j.Matched), Reason: payment.OrNull(j.Reason),
	}
}

// AppendLine appends a Verdict as one line of JSON, without reflection: an
// archive has millions.
func (j Judged) AppendLine(dst []byte, source string, index int) []byte {
	dst = append(dst, `{"source":`...)
	dst = appendText(dst, source)
	dst = append(dst, `,"index":`...)
	dst = strconv.AppendInt(dst, int64(index), 10)
	dst = append(dst, `,"provider":`...)
	dst = appendTextOrNull(dst, string(j.Provider))
	dst = append(dst, `,"event":`...)
	dst = appendTextOrNull(dst, j.Event)
	dst = append(dst, `,"verdict":`...)
	dst = appendText(dst, string(j.Verdict))
	dst = append(dst, `,"matched":`...)
	dst = appendTextOrNull(dst, j.Matched)
	dst = append(dst, `,"reason":`...)
	dst = appendTextOrNull(dst, j.Reason)
	return append(dst, '}', '\n')
}

func appendTextOrNull(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendText(dst, s)
}

func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil {
				quoted = []byte(`""`)
			}
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// Outcome is what the command comes to: KindBadSignature outranks KindUsage, since a
// forgery matters more than junk. explained says that mistakes were looked for.
func (s Summary) Outcome(explained bool) error {
	switch {
	case s.Mismatch > 0:
		e := &payment.Error{Kind: payment.KindBadSignature, Message: ofPayloads(s.Mismatch, s.Total) + " not verify"}
		if !explained {
			e.Hint = "add --explain to find the mistake"
		}
		return e
	case s.Malformed > 0:
		return &payment.Error{Kind: payment.KindUsage, Message: strconv.Itoa(s.Malformed) + " of " + strconv.Itoa(s.Total) + " cannot be read as payloads", Hint: "give the body exactly as it arrived"}
	case s.Total == 0:
		return payment.Usage("there was nothing to verify", "give a file, or pipe a payload in")
	}
	return nil
}

func ofPayloads(some, all int) string {
	if some == 1 {
		return "1 of " + strconv.Itoa(all) + " payloads does"
	}
	return strconv.Itoa(some) + " of " + strconv.Itoa(all) + " payloads do"
}
