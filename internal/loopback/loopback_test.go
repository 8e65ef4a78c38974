package loopback_test

import (
	"testing"

	"github.com/payctl/payctl/internal/loopback"
)

func TestIs(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.255.255.254": true, "::1": true,
		"::ffff:127.0.0.1": true, "0:0:0:0:0:0:0:1": true,
		"": false, "localhost.": false, "app.localhost": false, "localhost.example.com": false, "127.0.0.1.nip.io": false,
		"0.0.0.0": false, "::": false, "10.0.0.1": false, "192.168.1.1": false, "169.254.0.1": false, "::ffff:10.0.0.1": false,
		"[::1]": false, "127.1": false, "2130706433": false, "0x7f000001": false, "0127.0.0.1": false, "127.0.0.1:80": false,
		"example.com": false,
	} {
		if got := loopback.Is(host); got != want {
			t.Errorf("Is(%q) = %t, want %t", host, got, want)
		}
	}
}
