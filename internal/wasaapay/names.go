package wasaapay

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
)

// fewNames is up to how many members an object's names are compared pairwise.
const fewNames = 24

// maxKeptTable bounds the hash table that is kept from one body to the next, in entries.
const maxKeptTable = 1 << 14

// name is where the canonical name of a member stands in a text, without its
// quotes, and its fingerprint.
type name struct {
	start, end int32
	print      uint64
}

func nameAt(text []byte, start, end int) name {
	return name{int32(start), int32(end), fingerprint(text, start, end)}
}

func (n name) of(text []byte) []byte { return text[n.start:n.end] }

// golden spreads a fingerprint's bits upwards.
const golden = 0x9e3779b97f4a7c15

// fingerprint mixes the length, first and last bytes of text[start:end]: equal
// names have equal ones.
func fingerprint(text []byte, start, end int) uint64 {
	n := end - start
	if n >= 8 {
		return binary.LittleEndian.Uint64(text[start:]) ^ binary.LittleEndian.Uint64(text[end-8:])*golden ^ uint64(n)
	}
	if start+8 <= len(text) {
		return binary.LittleEndian.Uint64(text[start:])&(1<<(8*n)-1) ^ uint64(n)<<56
	}
	var w uint64
	for i, c := range text[start:end] {
		w |= uint64(c) << (8 * i)
	}
	return w ^ uint64(n)<<56
}

// nameSet finds members of one object that bear the same name. Canonical names
// are equal when their bytes are. Wide objects go through a hash table with a
// random seed, so that no sender can choose colliding names.
type nameSet struct {
	seed  maphash.Seed
	table []int32
}

func newNameSet() nameSet { return nameSet{seed: maphash.MakeSeed()} }

// repeated reports whether a name occurs twice. If first is not nil, it must be as
// long as names and receives, for each, the position of its first occurrence.
func (s *nameSet) repeated(text []byte, names []name, first []int32) bool {
	if len(names) > fewNames {
		return s.repeatedMany(text, names, first)
	}
	found := false
	for i := range names {
		at := i
		for j := range names[:i] {
			if same(text, names[i], names[j]) {
				at, found = j, true
				break
			}
		}
		if first != nil {
			first[i] = int32(at)
		}
	}
	return found
}

func (s *nameSet) repeatedMany(text []byte, names []name, first []int32) bool {
	size := 64
	for size < 2*len(names) {
		size *= 2
	}
	if len(s.table) < size {
		s.table = make([]int32, size)
	}
	table := s.table[:size]
	clear(table)
	found := false
	for i := range names {
		n, at := names[i], i
		slot := int(maphash.Bytes(s.seed, n.of(text))) & (size - 1)
		for table[slot] != 0 {
			if j := int(table[slot]) - 1; same(text, n, names[j]) {
				at, found = j, true
				break
			}
			slot = (slot + 1) & (size - 1)
		}
		if at == i {
			table[slot] = int32(i) + 1
		}
		if first != nil {
			first[i] = int32(at)
		}
	}
	if len(s.table) > maxKeptTable {
		s.table = nil
	}
	return found
}

func same(text []byte, a, b name) bool {
	return a.print == b.print && bytes.Equal(a.of(text), b.of(text))
}

// firstOf reports whether n is none of the few names before it. seen is a filter
// with a bit for each of them, so that most names are compared with no other.
func firstOf(text []byte, n name, before []name, seen *uint64) bool {
	bit := uint64(1) << (n.print * golden >> 58)
	if *seen&bit != 0 {
		for _, other := range before {
			if same(text, n, other) {
				return false
			}
		}
	}
	*seen |= bit
	return true
}
