package config

import "strings"

// kind is what a setting's text must look like.
type kind uint8

const (
	kindText kind = iota
	kindDigits
	kindPath
	kindLedger
	kindURL
	kindSocket
	kindCallback
	kindEnvironment
	kindChoice
	kindAddresses
	kindPattern
	kindDuration
	kindAmount
	kindCount
	kindHostPort
	kindSecret
)

// setting is one row of the table of settings.
type setting struct {
	key string
	// what says in a few words what the setting is for.
	what string
	kind kind
	// bound settings belong to one environment: in a file they stand under
	// profiles.NAME, never at the top.
	bound bool
	// open settings move neither money nor secrets nor evidence: a project file,
	// which may be anybody's, may set them for every profile.
	open bool
	// looks settings say how things are shown: those at the top of a file count in every
	// profile, also in the built-in one, which takes nothing else from there.
	looks bool
	// payee settings say where money or the news of it goes; a trusted project
	// file may set them for profiles of the sandbox.
	payee bool
	// noEnv settings have no variable: they define a profile.
	noEnv bool
	// alias is a second variable, weaker than the first.
	alias string
	// choices are the values of a kindChoice.
	choices []string
}

// settings is the table: every key that a file may hold, in the order in which
// they are shown. The names of variables follow from the keys; the codes of
// listen.c2b_validation are those of reference/daraja.md §10.
//
//nolint:gochecknoglobals // immutable table
var settings = []*setting{
	{key: "environment", what: "whose system the profile speaks to: local, sandbox or production", kind: kindEnvironment, bound: true, noEnv: true},
	{key: "db", what: "the ledger's file or database, as --db", kind: kindLedger, bound: true},
	{key: "callback_url", what: `public base URL of "payctl listen"`, kind: kindCallback, payee: true},
	{key: "production_cap", what: "most that a script may ask for in production, KES", kind: kindAmount},
	{key: "output", what: "output format, as --output", kind: kindChoice, choices: []string{"text", "json", "ndjson", "csv"}, open: true, looks: true},
	{key: "color", what: "colour, as --color", kind: kindChoice, choices: []string{"auto", "always", "never"}, open: true, looks: true},
	{key: "timezone", what: "zone that times are shown in: Africa/Nairobi", kind: kindText, open: true, looks: true},
	{key: "daraja.base_url", what: "gateway, when not the environment's own", kind: kindURL, bound: true},
	{key: "daraja.consumer_key", what: "Daraja app, consumer key", kind: kindSecret, bound: true},
	{key: "daraja.consumer_secret", what: "Daraja app, consumer secret", kind: kindSecret, bound: true},
	{key: "daraja.shortcode", what: "paybill, or the store number of a till", kind: kindDigits, bound: true, payee: true},
	{key: "daraja.till", what: "till number; makes pushes buy-goods", kind: kindDigits, bound: true, payee: true},
	{key: "daraja.passkey", what: "passkey of the shortcode, 64 hex characters", kind: kindSecret, bound: true},
	{key: "daraja.initiator", what: "API operator's user name", kind: kindText, bound: true, payee: true},
	{key: "daraja.initiator_password", what: "API operator's password", kind: kindSecret, bound: true},
	{key: "daraja.certificate", what: "file with the M-PESA certificate", kind: kindPath, bound: true},
	{key: "daraja.queries_per_minute", what: "budget for status queries, 0 for no limit", kind: kindCount, open: true},
	{key: "wasaapay.base_url", what: "REST base URL", kind: kindURL, bound: true},
	{key: "wasaapay.socket_url", what: "Socket.IO URL", kind: kindSocket, bound: true},
	{key: "wasaapay.socket_header", what: "header that also carries the key there: X-API-Key", kind: kindText, bound: true},
	{key: "wasaapay.api_key", what: "API key", kind: kindSecret, bound: true, alias: "WASAAPAY_API_KEY"},
	{key: "wasaapay.webhook_secret", what: "webhook secret", kind: kindSecret, bound: true},
	{key: "wasaapay.webhook_secret_previous", what: "the one before, while it is being changed", kind: kindSecret, bound: true},
	{key: "wasaapay.wallet", what: "wallet that deposits go to", kind: kindText, bound: true, payee: true},
	{key: "wasaapay.absent_environment", what: "webhooks that say no environment: settle or hold", kind: kindChoice, choices: []string{"settle", "hold"}},
	{key: "wasaapay.phone_format", what: "how phone numbers are sent: +254 or 254", kind: kindChoice, choices: []string{"+254", "254"}, open: true},
	{key: "wasaapay.amount_format", what: "how amounts are sent: number or string", kind: kindChoice, choices: []string{"number", "string"}, open: true},
	{key: "sevi.token", what: "what Sevi puts in the Authorization header", kind: kindSecret, bound: true},
	{key: "sevi.token_previous", what: "the one before, while it is being changed", kind: kindSecret, bound: true},
	{key: "sevi.addresses", what: "addresses that may post; none lets all", kind: kindAddresses},
	{key: "listen.addr", what: "where payctl listen listens, as --addr", kind: kindHostPort, open: true},
	{key: "listen.tunnel", what: "tunnel program, as --tunnel", kind: kindText},
	{key: "listen.tunnel_url", what: "the tunnel's own address, as --tunnel-url", kind: kindText},
	{key: "listen.tunnel_host", what: "pattern of its host, as --tunnel-host", kind: kindText},
	{key: "listen.trusted_proxies", what: "proxies whose X-Forwarded-For is believed", kind: kindAddresses},
	{key: "listen.ip_check", what: "callbacks from elsewhere: off, note or enforce", kind: kindChoice, choices: []string{"off", "note", "enforce"}},
	{key: "listen.daraja_addresses", what: "allowed beside Safaricom's published ones", kind: kindAddresses},
	{key: "listen.c2b_validation", what: "answer to C2B validation: accept or C2B00011…16", kind: kindChoice, choices: []string{"accept", "C2B00011", "C2B00012", "C2B00013", "C2B00014", "C2B00015", "C2B00016"}},
	{key: "listen.c2b_account", what: "regular expression that account numbers match", kind: kindPattern},
	{key: "listen.c2b_min_amount", what: "smallest C2B payment that is accepted, KES", kind: kindAmount},
	{key: "listen.c2b_max_amount", what: "largest C2B payment that is accepted, KES", kind: kindAmount},
	{key: "listen.retention", what: "how long settled evidence is kept, 0 for ever", kind: kindDuration},
}

// variable is the environment variable that sets a key.
func (s *setting) variable() string {
	if s.noEnv {
		return ""
	}
	return "PAYCTL_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// The ways in which a secret may be given, as suffixes of its key.
const (
	plainly   = ""
	byFile    = "_file"
	byCommand = "_command"
	byKeyring = "_keyring"
)

// secretForms lists the suffixes.
func secretForms() []string { return []string{plainly, byFile, byCommand, byKeyring} }

// forms are the keys under which a setting may be given.
func (s *setting) forms() []string {
	if s.kind != kindSecret {
		return []string{s.key}
	}
	keys := make([]string, 0, len(secretForms()))
	for _, suffix := range secretForms() {
		keys = append(keys, s.key+suffix)
	}
	return keys
}

// find returns the setting that a key, or one form of a secret's key, belongs
// to, and the form; an empty setting when there is none.
func find(key string) (s *setting, form string, ok bool) {
	for _, s := range settings {
		if s.key == key {
			return s, plainly, true
		}
		if s.kind != kindSecret {
			continue
		}
		if suffix, cut := strings.CutPrefix(key, s.key); cut {
			switch suffix {
			case byFile, byCommand, byKeyring:
				return s, suffix, true
			}
		}
	}
	return &setting{}, "", false
}

// isList reports whether a file may give a list for the key.
func isList(s *setting, form string) bool {
	return s.kind == kindAddresses || s.kind == kindSecret && form == byCommand
}

// isSection reports whether settings stand under the key.
func isSection(key string) bool {
	for _, s := range settings {
		if strings.HasPrefix(s.key, key+".") {
			return true
		}
	}
	return false
}
