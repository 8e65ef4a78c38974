package view

import (
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/tunnel"
	"github.com/payctl/payctl/internal/ui"
)

// Ready is the first line of "listen" and of "emulator"; its keys are the contract.
type Ready struct {
	Type   string   `json:"type"`
	URL    string   `json:"url"`
	Routes []string `json:"routes,omitempty"`
	Seed   *uint64  `json:"seed,omitempty"`
	Proxy  string   `json:"proxy,omitempty"`
	// Tunnel is the listener's public address.
	Tunnel *ReadyTunnel `json:"tunnel,omitempty"`

	// Zone names the zone of the times that follow.
	Zone string `json:"-"`
}

// Text writes the ready line for people.
func (v Ready) Text(t *ui.Text) {
	line := []ui.Span{ui.OK("ready"), ui.Plain(" at "), ui.Bold(v.URL)}
	if v.Zone != "" {
		line = append(line, ui.Dim("; times are in "+v.Zone))
	}
	t.Line(line...)
	if v.Proxy != "" {
		t.Line(ui.Dim("  proxy for the providers' hosts at "), ui.Plain(v.Proxy))
	}
	if v.Seed != nil {
		t.Line(ui.Dim("  control plane at "), ui.Plain(v.URL+"/_emulator/"))
		for line := range strings.SplitSeq(EmulatorNumbers(), "\n") {
			t.Line(ui.Dim("  " + line))
		}
	}
	for _, r := range v.Routes {
		t.Line(ui.Dim("  " + r))
	}
}

// SecretPaths are the URLs to give to the providers.
type SecretPaths struct {
	BaseURL *string  `json:"base_url"`
	URLs    []string `json:"urls"`
}

// Text writes the URLs for people.
func (v SecretPaths) Text(t *ui.Text) {
	for _, url := range v.URLs {
		t.Linef("%s", url)
	}
}

// NewSecretPaths puts the token behind each route below the base URL.
func NewSecretPaths(base, token string, routes []payment.Route) SecretPaths {
	v := SecretPaths{BaseURL: payment.OrNull(base)}
	for _, route := range routes {
		v.URLs = append(v.URLs, base+route.Path+"/"+token)
	}
	return v
}

// Tunnel is a change of the tunnel as "listen" prints it; its keys are the contract.
type Tunnel struct {
	Type        string  `json:"type"`
	Provider    string  `json:"provider"`
	State       string  `json:"state"`
	URL         *string `json:"url"`
	PreviousURL *string `json:"previous_url"`
	CheckedAt   *string `json:"checked_at"`
	// PendingOnPrevious are the deposits that were sent with an address that is gone.
	PendingOnPrevious []string `json:"pending_on_previous"`
	Problem           *string  `json:"problem"`
	Next              *string  `json:"next"`
}

// Text writes a change for people.
func (v Tunnel) Text(t *ui.Text) {
	state := ui.Warn("tunnel " + v.State)
	if v.State == string(tunnel.Live) {
		state = ui.OK("tunnel live")
	}
	line := []ui.Span{state}
	if v.URL != nil {
		line = append(line, ui.Plain(" "), ui.Bold(*v.URL))
	}
	if v.Problem != nil {
		line = append(line, ui.Plain(": "+*v.Problem))
	}
	t.Line(line...)
	if v.Next != nil {
		t.Line(ui.Plain("  -> " + *v.Next))
	}
	if len(v.PendingOnPrevious) > 0 {
		t.Line(ui.Warn("  sent with the address that is gone, and now followed by asking: " + strings.Join(v.PendingOnPrevious, ", ")))
	}
}

// ReadyTunnel is the tunnel in the listener's ready line.
type ReadyTunnel struct {
	Provider string  `json:"provider"`
	URL      *string `json:"url"`
	Checked  bool    `json:"checked"`
}

// UIReady is the first line of "payctl ui".
type UIReady struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// Text says where it is.
func (v UIReady) Text(t *ui.Text) {
	t.Linef("%s", v.URL)
	t.Line(ui.Dim("opens one browser, once; Ctrl-C ends it"))
}
