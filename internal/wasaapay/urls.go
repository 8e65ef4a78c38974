package wasaapay

import (
	"net/url"
	"strings"

	"github.com/payctl/payctl/internal/loopback"
	"github.com/payctl/payctl/internal/payment"
)

// restPath ends every REST base (reference/wasaapay.md §1, C2).
const restPath = "/api/v1/partner"

// restBase returns the REST base without a trailing slash, from an address
// given with or without /api/v1 and /partner.
func restBase(cfg Config) (string, error) {
	raw := cfg.BaseURL
	if raw == "" {
		if cfg.Environment == payment.Local {
			return "", usage("base_url: missing for the local environment", "set PAYCTL_WASAAPAY_BASE_URL to the emulator's address")
		}
		raw = RESTURL
	}
	u, err := plainURL("base_url", raw, cfg.Environment, "https://api.wasaapay.com", "http", "https")
	if err != nil {
		return "", err
	}
	path := strings.TrimRight(u.Path, "/")
	path = strings.TrimRight(strings.TrimSuffix(path, "/partner"), "/")
	path = strings.TrimRight(strings.TrimSuffix(path, "/api/v1"), "/")
	u.Path, u.RawPath = path+restPath, ""
	return u.String(), nil
}

// socketBase returns the stream's host. The vendor's table writes it together
// with the Engine.IO path; that path is no namespace and is taken off (C4).
func socketBase(cfg Config) (string, error) {
	raw := cfg.SocketURL
	if raw == "" {
		switch cfg.Environment {
		case payment.Production:
			raw = ProductionSocketURL
		case payment.Sandbox:
			raw = SandboxSocketURL
		default:
			// The emulator serves the stream beside REST.
			u, err := plainURL("base_url", cfg.BaseURL, cfg.Environment, SandboxSocketURL, "http", "https")
			if err != nil {
				return "", err
			}
			return u.Scheme + "://" + u.Host, nil
		}
	}
	u, err := plainURL("socket_url", raw, cfg.Environment, SandboxSocketURL, "ws", "wss", "http", "https")
	if err != nil {
		return "", err
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.Path = strings.TrimRight(strings.TrimSuffix(u.Path, socketPath), "/")
	u.RawPath = ""
	return u.String(), nil
}

// plainURL reads an address of the given schemes that has nothing a base
// address must not have, and that does not send the key in the clear.
func plainURL(setting, raw string, env payment.Environment, example string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(raw)
	known := false
	if err == nil {
		for _, s := range schemes {
			known = known || u.Scheme == s
		}
	}
	if !known || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, usage(setting+": not a plain "+strings.Join(schemes, ", ")+" address", "write scheme and host, such as "+example)
	}
	clear := u.Scheme == "http" || u.Scheme == "ws"
	if clear && env != payment.Local && !loopback.Is(u.Hostname()) {
		return nil, usage(setting+": "+u.Scheme+" would send the API key in the clear", "write "+u.Scheme+"s")
	}
	return u, nil
}
