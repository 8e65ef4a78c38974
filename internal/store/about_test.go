package store_test

import (
	"testing"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// TestAbout holds that what is about one payment has one name.
func TestAbout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		want    string
		deposit string
		event   *payment.Event
	}{
		{"dep_1", "dep_1", &payment.Event{ProviderID: "ws_1"}},
		{"daraja/ws_1", "", &payment.Event{ProviderID: "ws_1"}},
		{"daraja/ws_1", "", &payment.Event{ProviderID: "ws_1", Receipt: "UA2K7QX9ZR"}},
		{"daraja/AG_1", "", &payment.Event{ConversationID: "AG_1"}},
		{"daraja/AG_1", "", &payment.Event{ConversationID: "AG_1", ProviderID: "ws_1", Receipt: "UA2K7QX9ZR"}},
		{"daraja/UA2K7QX9ZR", "", &payment.Event{Receipt: "UA2K7QX9ZR"}},
		{"dlv_1", "", &payment.Event{Name: "c2b.validation"}},
		{"dlv_1", "", nil},
	} {
		d := store.StoredDelivery{Delivery: payment.Delivery{ID: "dlv_1", Provider: payment.Daraja}, DepositID: tt.deposit, Event: tt.event}
		if got := d.About(); got != tt.want {
			t.Errorf("%+v: about %s, want %s", tt, got, tt.want)
		}
	}
}
