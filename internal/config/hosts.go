package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/payctl/payctl/internal/loopback"
	"github.com/payctl/payctl/internal/payment"
)

// The providers' hosts (reference/daraja.md §1, reference/wasaapay.md §1).
const (
	darajaSandbox      = "sandbox.safaricom.co.ke"
	darajaProduction   = "api.safaricom.co.ke"
	wasaapaySandbox    = "sandbox.wasaapay.com"
	wasaapayProduction = "api.wasaapay.com"
	// sandboxShortCode is the paybill that Safaricom's sandbox gives to everybody.
	sandboxShortCode = "174379"
)

// isLoopbackURL reports whether an address is on this machine.
func isLoopbackURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && loopback.Is(u.Hostname())
}

// checkHost refuses a profile that names one environment and another's host,
// and credentials over plain HTTP to anywhere but this machine. WasaaPay's
// sandbox shares its REST host with production (reference/wasaapay.md §1), so
// only its sandbox host tells anything.
func checkHost(address string, env payment.Environment) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("is not a URL")
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") // "example." is the same host
	mixed := false
	switch env {
	case payment.Local:
		mixed = strings.HasSuffix(host, ".safaricom.co.ke") || strings.HasSuffix(host, ".wasaapay.com")
	case payment.Sandbox:
		mixed = host == darajaProduction
	case payment.Production:
		mixed = host == darajaSandbox || host == wasaapaySandbox
	}
	switch {
	case mixed:
		return fmt.Errorf("%s is not a host of the %s environment", host, env)
	case env != payment.Local && (u.Scheme == "http" || u.Scheme == "ws") && !loopback.Is(host):
		return fmt.Errorf("plain %s would send credentials in the open", u.Scheme)
	}
	return nil
}

// checkKeyClass refuses an API key whose prefix says that it is for another
// environment (reference/wasaapay.md §2). Unknown prefixes pass.
func checkKeyClass(key string, env payment.Environment) error {
	class := payment.Environment("")
	switch {
	case strings.HasPrefix(key, "sk_sandbox_"), strings.HasPrefix(key, "ppk_sandbox_"):
		class = payment.Sandbox
	case strings.HasPrefix(key, "sk_live_"), strings.HasPrefix(key, "ppk_live_"):
		class = payment.Production
	}
	switch {
	case class == payment.Sandbox && env == payment.Production, class == payment.Production && env != payment.Production:
		return fmt.Errorf("the key is a %s key, and the profile is for %s", class, env)
	}
	return nil
}
