package listen

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"sync"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// A provider's credential proves where a delivery came from, for good: it is looked at
// and never stored. A live forward to this machine carries it all the same, from memory,
// or after a restart from the settings; deliver keeps it from other machines.

// withoutCredentials is a delivery's header as it is kept: without what would open the
// door again, but, where the ledger can make one, with a keyed hash of it.
func (s *Server) withoutCredentials(in http.Header) http.Header {
	names := [...]string{"Authorization", "Proxy-Authorization", "Cookie", store.HeaderCredential}
	if !slices.ContainsFunc(names[:], func(name string) bool { return len(in[name]) > 0 }) {
		return in
	}
	out := in.Clone()
	for _, name := range names {
		delete(out, name)
	}
	if values := in["Authorization"]; len(values) == 1 && s.o.HashCredential != nil {
		out[store.HeaderCredential] = []string{s.o.HashCredential(values[0])}
	}
	return out
}

// mostCredentials is how many deliveries' credentials are remembered.
const mostCredentials = 4096

// credentials remembers what came with the latest deliveries that are to be forwarded.
type credentials struct {
	mu     sync.Mutex
	values map[[sha256.Size]byte]string
	// ring holds the keys in the order in which they came.
	ring []([sha256.Size]byte)
	next int
}

func credentialKey(d payment.Delivery) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(d.Route+"\x00"), d.Body...))
}

func (c *credentials) keep(d payment.Delivery, value string) {
	if value == "" {
		return
	}
	key := credentialKey(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values, c.ring = map[[sha256.Size]byte]string{}, make([][sha256.Size]byte, mostCredentials)
	}
	if _, known := c.values[key]; !known {
		delete(c.values, c.ring[c.next])
		c.ring[c.next] = key
		c.next = (c.next + 1) % mostCredentials
	}
	c.values[key] = value
}

func (c *credentials) of(d payment.Delivery) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.values) == 0 {
		return ""
	}
	return c.values[credentialKey(d)]
}

// credentialed is a stored delivery's header with the credential that proved it.
func (s *Server) credentialed(d payment.Delivery, v payment.Verdict) http.Header {
	if v != payment.VerdictValid {
		return d.Header
	}
	value := s.credentials.of(d)
	if value == "" && s.o.Credential != nil {
		value = s.o.Credential(d.Provider)
	}
	if value == "" {
		return d.Header
	}
	out := d.Header.Clone()
	if out == nil {
		out = http.Header{}
	}
	out["Authorization"] = []string{value}
	return out
}
