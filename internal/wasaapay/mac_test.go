package wasaapay

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"testing"
)

// TestMAC: a mac is crypto/hmac's, for keys and texts of every length and wherever a text is
// cut in two, and in its plain form too.
func TestMAC(t *testing.T) {
	t.Parallel()
	text := bytes.Repeat([]byte("payctl, "), 40)
	for _, key := range []string{"", "k", vectorSecret, string(text[:64]), string(text[:65]), string(text)} {
		m, plain := newMAC([]byte(key)), newMAC([]byte(key))
		if m.plain != nil {
			t.Fatal("this Go saves the state of a hash in another form")
		}
		plain.plain = hmac.New(sha256.New, []byte(key))
		for size := range len(text) + 1 {
			h := hmac.New(sha256.New, []byte(key))
			_, _ = h.Write(text[:size])
			want := h.Sum(nil)
			for _, cut := range []int{0, size / 3, min(size, 63), min(size, 64), min(size, 129), size} {
				for _, m := range []*mac{m, plain} {
					if got := m.sum(text[:cut], text[cut:size]); !bytes.Equal(got, want) {
						t.Fatalf("key of %d, %d bytes cut at %d: got %x, want %x", len(key), size, cut, got, want)
					}
				}
			}
		}
	}
}
