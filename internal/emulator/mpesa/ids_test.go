package mpesa

import (
	"regexp"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// reference/daraja.md §3.3: the shapes of all ids, and that none comes twice.
func TestIDs(t *testing.T) {
	t.Parallel()
	g := engine.NewIDs(42)
	now := time.Date(2026, time.October, 2, 22, 30, 0, 0, time.UTC) // the 3rd in Nairobi
	seen := map[string]bool{}
	for range 20000 {
		for shape, id := range map[string]string{
			`^[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}[0-9]{6,7}$`: RequestID(g),
			`^AG_20261003_2010[0-9a-f]{16}$`:                               ConversationID(g, now),
			`^UJ3[0-9A-Z]{7}$`:                                             ReceiptID(g, now),
		} {
			if seen[id] {
				t.Fatalf("%s came twice", id)
			}
			if seen[id] = true; len(seen) < 400 && !regexp.MustCompile(shape).MatchString(id) {
				t.Errorf("%s is not %s", id, shape)
			}
		}
	}
}

func TestReceiptDate(t *testing.T) {
	t.Parallel()
	for want, date := range map[string]time.Time{
		"SA1": time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC),
		"TLV": time.Date(2025, 12, 31, 12, 0, 0, 0, time.UTC),
		"UBA": time.Date(2026, 2, 10, 12, 0, 0, 0, time.UTC),
		"UA1": time.Date(2025, 12, 31, 21, 0, 0, 0, time.UTC),
	} {
		if got := receiptDate(date); got != want {
			t.Errorf("%s: got %s, want %s", date, got, want)
		}
	}
	if got := NoReceipt(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)); got != "UA20000000" {
		t.Errorf("pseudo-receipt %s", got)
	}
}
