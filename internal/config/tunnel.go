package config

import (
	"fmt"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Tunnel is what "payctl listen --tunnel" says of the profile's public address.
type Tunnel struct {
	URL string
	// Alive reports whether the listener that said it still runs.
	Alive bool
	// CheckedAt is when the address was last seen to lead to it, zero for never;
	// Good reports whether its last check passed.
	CheckedAt time.Time
	Good      bool
}

// tunnelLayer is the live tunnel's address. It stands below every file of the user: what
// somebody wrote down is meant.
func (c *Config) tunnelLayer() (layer, error) {
	l := newLayer("")
	if c.source.Tunnel == nil || c.Profile == "" {
		return l, nil
	}
	said, ok, err := c.source.Tunnel(c.StateDir, c.Profile)
	if !ok || err != nil {
		return l, err
	}
	c.tunnel = &said
	if said.Alive && said.URL != "" {
		l.set("callback_url", said.URL, Origin{Kind: FromTunnel, Name: said.checked()})
	}
	return l, nil
}

// ThroughTunnel reports whether callback_url is the address of a tunnel whose listener
// runs, whoever named it. Such an address leads to callbacks alone, and its name is asked
// of nobody here: a resolver that does not know it yet would remember that for long. Its
// listener checks it.
func (c *Config) ThroughTunnel() bool {
	return c.tunnel != nil && c.tunnel.Alive && c.CallbackURL != "" && c.CallbackURL == c.tunnel.URL
}

// checked says how old the last check is.
func (t Tunnel) checked() string {
	if t.CheckedAt.IsZero() {
		return "not checked yet"
	}
	return fmt.Sprintf("checked %s ago", time.Since(t.CheckedAt).Round(time.Second))
}

// oldCheck is when a check of the tunnel says little: it is repeated every minute.
const oldCheck = 3 * time.Minute

// CallbackDoubt returns what makes a callback URL that a tunnel gave doubtful, "" where
// nothing does or where it is not the tunnel's.
func (c *Config) CallbackDoubt() string {
	e, err := c.Explain("callback_url")
	if err != nil || c.tunnel == nil || e.Origin.Kind != FromTunnel {
		return ""
	}
	switch {
	case c.tunnel.CheckedAt.IsZero():
		return "the tunnel's address was not seen to lead to the listener yet"
	case !c.tunnel.Good:
		return "the tunnel's address did not lead to the listener when it was last checked"
	case time.Since(c.tunnel.CheckedAt) > oldCheck:
		return "the tunnel's address was last seen to lead to the listener " + time.Since(c.tunnel.CheckedAt).Round(time.Second).String() + " ago"
	}
	return ""
}

// NoCallback is the error of a profile without a callback URL: a tunnel that is gone is
// named.
func (c *Config) NoCallback() error {
	if c.tunnel != nil && !c.tunnel.Alive {
		return payment.Usage("callback_url: the tunnel "+c.tunnel.URL+" is gone, and with it the listener that had it",
			"start it again: payctl listen --tunnel …, or set callback_url (PAYCTL_CALLBACK_URL)")
	}
	return payment.Usage("callback_url: is not set, and the provider wants an address to report to",
		"set callback_url (PAYCTL_CALLBACK_URL) to the public base URL of \"payctl listen\", or run payctl listen --tunnel cloudflared")
}
