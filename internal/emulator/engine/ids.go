package engine

import "sync/atomic"

// idKind separates the sequences, so that one more id of one kind does not change those of another.
type idKind uint8

// The sequences.
const (
	IDRequest idKind = iota
	IDConversation
	IDToken
	IDReceipt
	idChance
	IDDeposit
	IDWallet
	IDTransfer
	IDWithdrawal
	IDBill
	idKinds
)

// IDs makes every identifier from the seed and a counter for each kind. It is safe for concurrent use.
type IDs struct {
	Seed uint64
	next [idKinds]atomic.Uint64
}

// NewIDs begins every sequence; the same seed gives the same ids.
func NewIDs(seed uint64) *IDs { return &IDs{Seed: seed} }

// Mix is the finaliser of splitmix64: every bit of x reaches every bit of the result.
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Count is the next number of a kind.
func (g *IDs) Count(kind idKind) uint64 { return g.next[kind].Add(1) }

// Words are the next number of a kind and two words that depend on it and the seed.
func (g *IDs) Words(kind idKind) (n, a, b uint64) {
	n = g.next[kind].Add(1)
	a = Mix(Mix(g.Seed+uint64(kind)<<56) + n)
	return n, a, Mix(a)
}

// reset starts every sequence again, so that a reset emulator repeats itself.
func (g *IDs) reset() {
	for i := range g.next {
		g.next[i].Store(0)
	}
}

// Counters are the last numbers of all kinds, for the state file.
func (g *IDs) Counters() []uint64 {
	list := make([]uint64, 0, len(g.next))
	for i := range g.next {
		list = append(list, g.next[i].Load())
	}
	return list
}

// Restore continues from saved counters.
func (g *IDs) Restore(counters []uint64) {
	for i, n := range counters[:min(len(counters), len(g.next))] {
		g.next[i].Store(n)
	}
}
