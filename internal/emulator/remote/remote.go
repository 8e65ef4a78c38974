// Package remote speaks to a running emulator: to its control plane, and to a customer's
// handset that it plays. What is shown of it is its users'.
package remote

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

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/payment"
)

// Client calls the control plane of one emulator.
type Client struct {
	// Base is the emulator's base URL.
	Base string
	HTTP *http.Client
	// CADir is where the emulator's certificate authority is, "" where there is none.
	CADir string
}

// Call sends one control request; in and out may be nil, and an out that is a string gets
// the answer as it is. An emulator that does not answer is KindUnavailable; what it
// refuses is KindUsage, KindNotFound or KindConflict.
func (c Client) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Base+"/_emulator/"+path, body)
	if err != nil {
		return payment.Usagef("write http://127.0.0.1:4010", "url %q: is not a URL", c.Base)
	}
	req.Header.Set(emulator.ControlHeader, "1")
	client, err := c.trusting()
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		host := c.Base
		if u, parseErr := url.Parse(c.Base); parseErr == nil {
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
		return refusal(resp.StatusCode, data)
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
func (c Client) trusting() (*http.Client, error) {
	own, ok := c.HTTP.Transport.(*http.Transport)
	if !ok || c.CADir == "" || !strings.HasPrefix(c.Base, "https:") {
		return c.HTTP, nil
	}
	ca, err := emulator.OpenCA(c.CADir)
	if err != nil {
		return nil, payment.Usage(err.Error(), "remove the broken files, or fix their permissions")
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

func refusal(status int, data []byte) error {
	var refused struct{ Error string }
	_ = json.Unmarshal(data, &refused)
	message := "emulator: " + refused.Error
	if refused.Error == "" {
		message = "emulator: this is no payctl emulator (" + http.StatusText(status) + ")"
	}
	kind := payment.KindUsage
	switch {
	case refused.Error == "":
	case status == http.StatusNotFound:
		kind = payment.KindNotFound
	case status == http.StatusConflict:
		kind = payment.KindConflict
	}
	return &payment.Error{Kind: kind, Message: payment.FirstLine(message), Hint: "see \"payctl emulator --help\""}
}
