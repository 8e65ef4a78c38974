package wasaapay

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
)

// mac is HMAC-SHA256 under one key (RFC 2104), for many short texts. crypto/hmac copies both
// hashes for each sum, which is a twelfth of what a webhook costs; here the last block is
// padded in place and the sum is read from the hash's saved state. The form of that is held
// by Go's own tests, and tried out when a mac is made: plain is set where it is another.
type mac struct {
	hash         savedHash
	inner, outer []byte
	state        []byte
	// last are the last one or two blocks of a text, end is the only block of the outer hash.
	last  [2 * sha256.BlockSize]byte
	end   [sha256.BlockSize]byte
	plain hash.Hash
}

type savedHash interface {
	hash.Hash
	encoding.BinaryUnmarshaler
	encoding.BinaryAppender
}

// stateAt is where the sum stands in the saved state of a hash whose text is padded.
const stateAt = len("sha\x03")

func newMAC(key []byte) *mac {
	m := &mac{plain: hmac.New(sha256.New, key)}
	var saved bool
	if m.hash, saved = sha256.New().(savedHash); !saved {
		return m
	}
	m.inner, m.outer = m.keyed(key, 0x36), m.keyed(key, 0x5c)
	m.end[sha256.Size] = 0x80
	binary.BigEndian.PutUint64(m.end[len(m.end)-8:], 8*(sha256.BlockSize+sha256.Size))
	probe := []byte("is a saved state what it was?")
	want := bytes.Clone(m.sum(probe, nil))
	plain := m.plain
	if m.plain = nil; len(m.inner) < stateAt+sha256.Size || !hmac.Equal(m.sum(probe, nil), want) {
		m.plain = plain
	}
	return m
}

// keyed returns the state of the hash behind a key's block.
func (m *mac) keyed(key []byte, pad byte) []byte {
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	var block [sha256.BlockSize]byte
	copy(block[:], key)
	for i := range block {
		block[i] ^= pad
	}
	m.hash.Reset()
	_, _ = m.hash.Write(block[:])
	state, _ := m.hash.AppendBinary(nil) // the hash's documentation: never an error
	return state
}

// sum returns the HMAC of head and tail, until the next call.
func (m *mac) sum(head, tail []byte) []byte {
	if m.plain != nil {
		m.plain.Reset()
		_, _ = m.plain.Write(head)
		_, _ = m.plain.Write(tail)
		m.state = m.plain.Sum(m.state[:0])
		return m.state
	}
	size := len(head) + len(tail)
	rest := tail[len(tail)-min(size%sha256.BlockSize, len(tail)):]
	whole := len(rest) + sha256.BlockSize - size%sha256.BlockSize
	if size%sha256.BlockSize >= sha256.BlockSize-8 {
		whole += sha256.BlockSize // the length does not fit behind the text
	}
	last := m.last[:whole]
	clear(last)
	last[copy(last, rest)] = 0x80
	binary.BigEndian.PutUint64(last[whole-8:], 8*uint64(sha256.BlockSize+size))
	inner := m.finish(m.inner, head, tail[:len(tail)-len(rest)], last)
	copy(m.end[:], inner)
	return m.finish(m.outer, nil, nil, m.end[:])
}

// finish returns what a hash comes to from a state on, after texts that end a block.
func (m *mac) finish(state, head, tail, last []byte) []byte {
	_ = m.hash.UnmarshalBinary(state) // the hash's own
	_, _ = m.hash.Write(head)
	_, _ = m.hash.Write(tail)
	_, _ = m.hash.Write(last)
	m.state, _ = m.hash.AppendBinary(m.state[:0])
	return m.state[stateAt : stateAt+sha256.Size]
}
