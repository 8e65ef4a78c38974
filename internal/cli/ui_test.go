package cli

import (
	"strings"
	"testing"
)

// TestFlagsOnPagesTellNoSecret: commands on pages name what was chosen, and no password.
func TestFlagsOnPagesTellNoSecret(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ profile, db, want string }{
		{"", "", ""},
		{"it's", "a b.db", ` --profile 'it'\''s' --db 'a b.db'`},
		{"shop", "postgres://me:hush@db.example/pay?password=hush", ` --profile 'shop' --db "$PAYCTL_DB"`},
	} {
		v := uiVerb{control: control{session: newSession(Invocation{})}}
		v.global.profile, v.global.db = test.profile, test.db
		if got := v.flags(); got != test.want || strings.Contains(got, "hush") {
			t.Errorf("%q, %q: %q", test.profile, test.db, got)
		}
	}
}

func TestCheckLoopback(t *testing.T) {
	t.Parallel()
	for addr, good := range map[string]bool{
		"127.0.0.1:4030": true, "localhost:0": true, "[::1]:4030": true, "0.0.0.0:4030": false, ":4030": false, "[::]:1": false,
		"localhost.evil.test:1": false, "192.168.1.2:1": false, "4030": false, "": false,
	} {
		if err := checkLoopback(addr); (err == nil) != good {
			t.Errorf("%q: %v", addr, err)
		}
	}
}
