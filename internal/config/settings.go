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
	kindSecret
)

// setting is one row of the table of settings.
type setting struct {
	key  string
	kind kind
	// bound settings belong to one environment: in a file they stand under
	// profiles.NAME, never at the top.
	bound bool
	// guarded settings protect money; a project file, which may be somebody
	// else's, cannot set them.
	guarded bool
	// payee settings say where real money or the news of it goes; in production a
	// project file cannot set them.
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
	{key: "environment", kind: kindEnvironment, bound: true, noEnv: true},
	{key: "db", kind: kindLedger, bound: true},
	{key: "callback_url", kind: kindCallback, payee: true},
	{key: "production_cap", kind: kindAmount, guarded: true},
	{key: "daraja.base_url", kind: kindURL, bound: true},
	{key: "daraja.consumer_key", kind: kindSecret, bound: true},
	{key: "daraja.consumer_secret", kind: kindSecret, bound: true},
	{key: "daraja.shortcode", kind: kindDigits, bound: true, payee: true},
	{key: "daraja.till", kind: kindDigits, bound: true, payee: true},
	{key: "daraja.passkey", kind: kindSecret, bound: true},
	{key: "daraja.initiator", kind: kindText, bound: true},
	{key: "daraja.initiator_password", kind: kindSecret, bound: true},
	{key: "daraja.certificate", kind: kindPath, bound: true},
	{key: "daraja.queries_per_minute", kind: kindCount},
	{key: "wasaapay.base_url", kind: kindURL, bound: true},
	{key: "wasaapay.socket_url", kind: kindSocket, bound: true},
	{key: "wasaapay.api_key", kind: kindSecret, bound: true, alias: "WASAAPAY_API_KEY"},
	{key: "wasaapay.webhook_secret", kind: kindSecret, bound: true},
	{key: "wasaapay.webhook_secret_previous", kind: kindSecret, bound: true},
	{key: "wasaapay.wallet", kind: kindText, bound: true, payee: true},
	{key: "wasaapay.phone_format", kind: kindChoice, choices: []string{"+254", "254"}},
	{key: "wasaapay.amount_format", kind: kindChoice, choices: []string{"number", "string"}},
	{key: "sevi.token", kind: kindSecret, bound: true},
	{key: "sevi.token_previous", kind: kindSecret, bound: true},
	{key: "sevi.addresses", kind: kindAddresses},
	{key: "listen.trusted_proxies", kind: kindAddresses},
	{key: "listen.ip_check", kind: kindChoice, choices: []string{"off", "note", "enforce"}},
	{key: "listen.daraja_addresses", kind: kindAddresses},
	{key: "listen.c2b_validation", kind: kindChoice, choices: []string{"accept", "C2B00011", "C2B00012", "C2B00013", "C2B00014", "C2B00015", "C2B00016"}},
	{key: "listen.c2b_account", kind: kindPattern},
	{key: "listen.c2b_min_amount", kind: kindAmount},
	{key: "listen.c2b_max_amount", kind: kindAmount},
	{key: "listen.retention", kind: kindDuration},
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
		if suffix, cut := strings.CutPrefix(key, s.key); cut && s.kind == kindSecret {
			switch suffix {
			case byFile, byCommand, byKeyring:
				return s, suffix, true
			}
		}
	}
	return &setting{}, "", false
}

// isList tells whether a file may give a list for the key.
func isList(s *setting, form string) bool {
	return s.kind == kindAddresses || s.kind == kindSecret && form == byCommand
}

// isSection tells whether settings stand under the key.
func isSection(key string) bool {
	for _, s := range settings {
		if strings.HasPrefix(s.key, key+".") {
			return true
		}
	}
	return false
}
