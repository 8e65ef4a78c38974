package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/packing"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/store"
)

// MaxInput bounds a file of payloads, in bytes; a line of an archive and a single
// payload are bounded by 1 MiB each.
const MaxInput = 64 << 20

// Verification checks payloads, each with its provider's means.
type Verification struct {
	Providers provider.Table
	// Provider is whose payloads these are; "" finds it from each body.
	Provider payment.ProviderID
	// Header came beside the payloads.
	Header http.Header
	// Secrets returns what proves a provider's payloads, Others further keys that Explain
	// tries. No secret at all is KindUnauthorized.
	Secrets func(ctx context.Context, row provider.Row) ([]*secret.Secret, error)
	Others  func(ctx context.Context) []Key
	// Signed takes a payload of no provider's shape for one that is signed in the body: a
	// receiver may have bent the shape.
	Signed bool
	// Explain names the mistake behind a signature that does not fit.
	Explain bool
	// Tolerance is how far a payload's time may be from now; 0 for as far as it likes.
	Tolerance time.Duration
	Now       func() time.Time

	mu    sync.Mutex
	known map[payment.ProviderID]*means
}

// means are what payloads of one provider are checked with.
type means struct {
	receiver payment.Receiver
	secrets  []*secret.Secret
	// keys are tried by Explain: the secrets, and those of Others.
	keys []Key
	err  error
}

// of returns a provider's means, made at the first call.
func (v *Verification) of(ctx context.Context, id payment.ProviderID) (*means, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.known == nil {
		v.known = map[payment.ProviderID]*means{}
	}
	if m := v.known[id]; m != nil {
		return m, m.err
	}
	m := &means{}
	v.known[id] = m
	row := v.Providers.Row(id)
	if row.Proof != nil {
		if m.secrets, m.err = v.Secrets(ctx, row); m.err != nil {
			return m, m.err
		}
	}
	if m.receiver, m.err = row.Receiver(nil, m.secrets); m.err != nil {
		return m, m.err
	}
	for i, s := range m.secrets {
		role := ""
		if i > 0 {
			role = "one of the other secrets that were given"
		}
		m.keys = append(m.keys, Key{Secret: s, Role: role})
	}
	if v.Explain && row.Proof != nil && row.Proof.InBody && v.Others != nil {
		m.keys = append(m.keys, v.Others(ctx)...)
	}
	return m, nil
}

// Stored judges a stored delivery with the headers that it came with; prove is the ledger's
// keyed hash of credentials.
func (v *Verification) Stored(ctx context.Context, d store.StoredDelivery, prove func(string) string) (Judged, error) {
	if v.Provider != "" && d.Provider != v.Provider {
		return Judged{}, payment.Usagef("leave --provider out", "delivery %s: is %s's, not %s's", d.ID, d.Provider, v.Provider)
	}
	m, err := v.of(ctx, d.Provider)
	if err != nil {
		return Judged{}, err
	}
	d.Header = withCredential(prove, d.Header, m.secrets)
	return v.finish(m, judgedOf(d.Provider, m.receiver.Inspect(d.Delivery)), d.Body), nil
}

// withCredential puts the credential that a delivery came with back into its header,
// where it is one of the secrets: the ledger keeps a keyed hash of it alone.
func withCredential(prove func(string) string, header http.Header, secrets []*secret.Secret) http.Header {
	kept := header.Get(store.HeaderCredential)
	if kept == "" {
		return header
	}
	out := header.Clone()
	out.Del(store.HeaderCredential)
	for _, s := range secrets {
		configured := s.Reveal()
		_, bare, schemed := strings.Cut(configured, " ")
		if !schemed {
			bare = configured
		}
		for _, value := range []string{configured, bare, "Bearer " + bare, "Token " + bare} {
			if prove(value) == kept {
				out.Set("Authorization", value)
				return out
			}
		}
	}
	out.Set("Authorization", "another") // it came with one, which is none of these
	return out
}

// Payloads judges what a file holds: one payload, or several one after another, with or
// without a log's words before them; what it is packed in is taken off, and named. show
// is called for each in their order, its index from 0.
func (v *Verification) Payloads(ctx context.Context, text []byte, show func(index int, j Judged) error) error {
	judge := v.judge(ctx, false)
	for i, p := range partsOf(text) {
		if err := ctx.Err(); err != nil {
			return err
		}
		j, err := judge(p.body)
		if err != nil {
			return err
		}
		if err := show(i, j.unpacked(p.undone, text)); err != nil {
			return err
		}
	}
	return nil
}

// Archive returns the check of an archive, in which each line is one payload.
func (v *Verification) Archive(ctx context.Context, source string, format func(dst []byte, index int, j Judged) []byte) *Archive {
	return &Archive{Source: source, Judge: func() Judge { return v.judge(ctx, true) }, Format: format}
}

// judge returns a judge for one goroutine. An archive's lines do not show a payload's time:
// it need not be read.
func (v *Verification) judge(ctx context.Context, archive bool) Judge {
	judges := map[payment.ProviderID]func([]byte) Judged{}
	quick := func([]byte) (Judged, bool) { return Judged{}, false }
	signer := v.Providers.Signer()
	if archive && signer.ID != "" && v.Tolerance == 0 && (v.Provider == "" || v.Provider == signer.ID) {
		if m, err := v.of(ctx, signer.ID); err == nil {
			checked := quickly(signer, m.secrets)
			quick = func(body []byte) (Judged, bool) {
				j, ok := checked(body)
				if ok && j.Verdict != payment.VerdictValid {
					j = v.finish(m, j, body)
				}
				return j, ok
			}
		}
	}
	return func(body []byte) (Judged, error) {
		if j, ok := quick(body); ok {
			return j, nil
		}
		id := v.whose(body)
		if id == "" {
			return Judged{Verdict: payment.VerdictMalformed, Reason: cmpOr(packing.Odd(body), "no provider sends a payload of this shape")}, nil
		}
		m, err := v.of(ctx, id)
		if err != nil {
			return Judged{}, err
		}
		if judges[id] == nil {
			// The bare prefix lets an adapter choose by the payload's shape alone.
			judges[id] = inspecting(m.receiver, payment.Delivery{Provider: id, Route: "/callbacks/" + string(id), Method: http.MethodPost, Header: v.Header})
		}
		return v.finish(m, judges[id](body), body), nil
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// whose is the provider that was named, or whose shape a body has; "" is nobody.
func (v *Verification) whose(body []byte) payment.ProviderID {
	if v.Provider != "" {
		return v.Provider
	}
	if found, ok := (Bench{Providers: v.Providers}).Recognize(body); ok {
		return found.Provider
	}
	if v.Signed {
		return v.Providers.Signer().ID
	}
	return ""
}

// finish holds a verdict against the tolerance, and explains it.
func (v *Verification) finish(m *means, j Judged, body []byte) Judged {
	j = j.Within(v.Tolerance, v.Now())
	if v.Explain && !j.Stale {
		return v.explained(m, j, body)
	}
	return j
}

// Why explains a verdict that was given before; one that it has nothing to say of is
// returned as it is, without a Fix.
func (v *Verification) Why(ctx context.Context, d payment.Delivery, verdict payment.Verdict, reason string) (Judged, error) {
	j := Judged{Provider: d.Provider, Verdict: verdict, Reason: reason}
	m, err := v.of(ctx, d.Provider)
	if err != nil {
		return j, err
	}
	return v.explained(m, j, d.Body), nil
}

// explained adds the usual mistake that a mismatch comes from. It stands in the reason,
// where JSON carries it too.
func (v *Verification) explained(m *means, j Judged, body []byte) Judged {
	proof := v.Providers.Row(j.Provider).Proof
	if proof == nil || !proof.InBody || j.Verdict != payment.VerdictMismatch && j.Verdict != payment.VerdictMalformed {
		return j
	}
	found, ok := Explain(body, m.keys)
	leftOut := found.LeftOut
	if !ok && j.Verdict == payment.VerdictMalformed {
		return j
	}
	if !ok {
		found = Explanation{
			Meaning: "none of the usual mistakes fits, the signer's or the receiver's: a value was changed after signing, or the secret is one that payctl does not have",
			Fix:     "compare the secret with the dashboard's, and take the body before any middleware touches it",
		}
	}
	if found.Meaning == "" {
		found.Meaning = j.Reason
	}
	if leftOut != "" {
		found.Meaning += " (" + leftOut + ")"
	}
	j.Reason = found.Meaning
	if found.Mistake != "" {
		j.Reason = found.Mistake + ": " + found.Meaning
	}
	j.Fix = found.Fix
	return j
}

// part is one payload of a file, and what it was packed in.
type part struct {
	body   []byte
	undone []packing.Form
}

// partsOf takes a file apart. A file that is one JSON value stays as it is, with its byte
// order mark, and so does one that holds no JSON at all: what is wrong with it is for its
// judge to say.
func partsOf(text []byte) []part {
	if isObject(text) {
		return []part{{body: text}}
	}
	body, undone := packing.Unpack(text)
	if isObject(body) {
		return []part{{body, undone}}
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		undone = append(undone, packing.List())
	}
	var out []part
	for _, p := range Pieces(body) {
		if p.Value == nil || isAcknowledgement(p.Value) {
			continue
		}
		around := undone
		if before, _, _ := bytes.Cut(p.Text, p.Value); len(bytes.Trim(before, "[], \t")) > 0 {
			around = append(slices.Clone(undone), packing.LogPrefix())
		}
		out = append(out, part{p.Value, around})
	}
	if len(out) == 0 {
		return []part{{body, undone}}
	}
	return out
}

func isObject(text []byte) bool {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	return bytes.HasPrefix(text, []byte("{")) && json.Valid(text)
}

// isAcknowledgement reports whether a value is what an app answers a callback with, which
// stands in its log beside what came: it is no payload.
func isAcknowledgement(value []byte) bool {
	var o map[string]json.RawMessage
	if json.Unmarshal(value, &o) != nil || len(o) == 0 || len(o) > 2 {
		return false
	}
	for name := range o {
		if !strings.EqualFold(name, "ResultCode") && !strings.EqualFold(name, "ResultDesc") {
			return false
		}
	}
	return true
}

// unpacked says in the verdict what the payload was packed in, and what is odd about text
// that holds none.
func (j Judged) unpacked(undone []packing.Form, text []byte) Judged {
	if len(undone) == 0 {
		if odd := packing.Odd(text); odd != "" && j.Verdict == payment.VerdictMalformed {
			j.Reason = odd
		}
		return j
	}
	if j.Reason != "" {
		j.Reason = packing.Describe(undone) + "; " + j.Reason
	} else {
		j.Reason = packing.Describe(undone)
	}
	if j.Fix == "" {
		j.Fix = undone[0].Fix
	}
	return j
}
