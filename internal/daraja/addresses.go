package daraja

import "net/netip"

// SourceAddress is one address that callbacks come from.
type SourceAddress struct {
	Addr netip.Addr
	// Published says that the portal lists it; the others stand in one list only.
	Published bool
	// Source says who lists it, Note what was seen of it.
	Source string
	Note   string
}

const (
	srcPublished = "developer.safaricom.co.ke, Getting Started"
	srcOptional  = "lists of client libraries only"
)

// SourceAddresses returns the addresses of reference/daraja.md §8: the 12
// published ones, and two that only client libraries list.
func SourceAddresses() []SourceAddress {
	at := func(third, fourth byte) netip.Addr { return netip.AddrFrom4([4]byte{196, 201, third, fourth}) }
	published := []netip.Addr{
		at(214, 200), at(214, 206), at(214, 207), at(214, 208), at(213, 114), at(213, 44),
		at(212, 127), at(212, 129), at(212, 136), at(212, 138), at(212, 74), at(212, 69),
	}
	out := make([]SourceAddress, 0, len(published)+2)
	for _, a := range published {
		s := SourceAddress{Addr: a, Published: true, Source: srcPublished}
		if a == at(212, 69) {
			s.Note = "sandbox callbacks were seen coming from it"
		}
		out = append(out, s)
	}
	for _, a := range []netip.Addr{at(212, 128), at(212, 132)} {
		out = append(out, SourceAddress{Addr: a, Source: srcOptional, Note: "not on the portal's list"})
	}
	return out
}

// CheckAddress returns what is known of an address, and whether it is one that
// callbacks come from. A false is a reason to mark a callback, never to drop
// it: lists go out of date and no callback is sent twice (§8). IPv4 addresses
// in IPv6 form are recognised.
func CheckAddress(a netip.Addr) (SourceAddress, bool) {
	a = a.Unmap()
	for _, s := range SourceAddresses() {
		if s.Addr == a {
			return s, true
		}
	}
	return SourceAddress{Addr: a}, false
}
