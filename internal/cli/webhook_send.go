package cli

import (
	"crypto/x509"
	"time"

	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/input"
)

// sendFlags are the flags of whatever sends to an app.
type sendFlags struct {
	headers  []string
	ca       string
	insecure bool
	timeout  time.Duration
}

func (o *sendFlags) bind(f *pflag.FlagSet) {
	f.StringArrayVar(&o.headers, "header", nil, "add the header `'Name: value'` to each request (repeatable)")
	f.StringVar(&o.ca, "ca", "", "trust the certificate authorities in this `FILE` (PEM) as well")
	f.BoolVar(&o.insecure, "insecure", false, "accept any certificate of a target on this machine")
	f.DurationVar(&o.timeout, "send-timeout", deliver.DefaultTimeout, "wait this `DURATION` for each answer")
}

// isSendFlag reports whether a flag is one of sendFlags.
func isSendFlag(name string) bool {
	return name == "header" || name == "ca" || name == "insecure" || name == "send-timeout"
}

// options turns the flags into deliver's options. Errors are KindUsage.
func (o *sendFlags) options() (deliver.Options, error) {
	out := deliver.Options{Insecure: o.insecure, Timeout: o.timeout}
	if o.timeout <= 0 {
		return out, usagef("write a duration such as 10s", "send-timeout %s: is no time to wait", o.timeout)
	}
	var err error
	if out.Header, err = deliver.ParseHeaders(o.headers); err != nil || o.ca == "" {
		return out, err
	}
	pem, err := input.Trusted("ca", o.ca, input.MaxSecret)
	if err != nil {
		return out, err
	}
	if out.Roots, err = x509.SystemCertPool(); err != nil {
		out.Roots = x509.NewCertPool()
	}
	if !out.Roots.AppendCertsFromPEM(pem) {
		return out, usagef("name a PEM file, which begins with -----BEGIN CERTIFICATE-----", "ca %s: holds no certificate", o.ca)
	}
	return out, nil
}

// sender is made of the flags, with so many connections kept for each target.
func (o *sendFlags) sender(connections int) (*deliver.Sender, error) {
	options, err := o.options()
	options.Connections = connections
	return deliver.New(options), err
}
