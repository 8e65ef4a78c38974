package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/payment"
)

// control talks to a running emulator's own routes.
type control struct {
	*session
	url string
}

func (c *control) bindURL(f *pflag.FlagSet) {
	f.StringVar(&c.url, "url", "", "the running emulator's base `URL` (default: the local profile's)")
}

// address is where the emulator is: the flag, or what a profile of environment
// local points at.
func (c *control) address(ctx context.Context) (string, error) {
	if c.url != "" {
		return strings.TrimSuffix(c.url, "/"), nil
	}
	conf, err := c.config(ctx)
	if err != nil {
		return "", err
	}
	if conf.Environment != payment.Local {
		return "", usagef("add --profile local, or name the emulator with --url", "profile %s: is not of environment local", conf.Profile)
	}
	return strings.TrimSuffix(conf.Daraja.BaseURL, "/"), nil
}

// call sends one control request; in and out may be nil.
func (c *control) call(ctx context.Context, method, path string, in, out any) error {
	base, err := c.address(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := c.deadline.bound(ctx, sendTimeout)
	defer cancel()
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, base+"/_emulator/"+path, body)
	if err != nil {
		return usagef("write http://127.0.0.1:4010", "url %q: is not a URL", base)
	}
	req.Header.Set(emulator.ControlHeader, "1")
	client, err := c.trusting(base)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		host := base
		if u, parseErr := url.Parse(base); parseErr == nil {
			host = u.Host
		}
		return &payment.Error{Kind: payment.KindUnavailable, Message: "no emulator answers at " + host, Hint: "start one with \"payctl emulator\"", Err: err, Retryable: true}
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return &payment.Error{Kind: payment.KindUnavailable, Message: "the emulator's answer broke off", Err: err, Retryable: true}
	}
	if resp.StatusCode != http.StatusOK {
		return controlRefusal(resp.StatusCode, data)
	}
	if text, wantsText := out.(*string); wantsText {
		*text = string(data)
		return nil
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

// trusting is a client that trusts the emulator's own authority where the base is HTTPS.
func (c *control) trusting(base string) (*http.Client, error) {
	shared := c.client
	own, ok := shared.Transport.(*http.Transport)
	dir := emulatorCADir(c.env)
	if !ok || dir == "" || !strings.HasPrefix(base, "https:") {
		return shared, nil
	}
	ca, err := emulator.OpenCA(dir)
	if err != nil {
		return nil, usagef("remove the broken files, or fix their permissions", "%s", err.Error())
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM([]byte(ca.PEM()))
	transport := own.Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport}, nil
}

func controlRefusal(status int, data []byte) error {
	var refusal struct{ Error string }
	_ = json.Unmarshal(data, &refusal)
	message := "emulator: " + refusal.Error
	if refusal.Error == "" {
		message = "emulator: this is no payctl emulator (" + http.StatusText(status) + ")"
	}
	kind := payment.KindUsage
	switch {
	case refusal.Error == "":
	case status == http.StatusNotFound:
		kind = payment.KindNotFound
	case status == http.StatusConflict:
		kind = payment.KindConflict
	}
	return &payment.Error{Kind: kind, Message: payment.FirstLine(message), Hint: "see \"payctl emulator --help\""}
}
