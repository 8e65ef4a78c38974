package config

import (
	"path/filepath"

	"github.com/payctl/payctl/internal/payment"
)

// The addresses of payctl's own emulator and listener.
const (
	localEmulator = "http://127.0.0.1:4010"
	localListener = "http://127.0.0.1:4020"
	partnerPath   = "/api/v1/partner"
)

// builtInLayer is the profile local: what the emulator accepts, so that a
// first try needs no configuration. None of it opens anything elsewhere.
func builtInLayer() layer {
	l := newLayer("")
	origin := Origin{Kind: FromBuiltIn, Name: string(payment.Local)}
	for key, value := range map[string]string{ //nolint:gosec // the emulator's own, accepted nowhere else
		"callback_url":              localListener,
		"daraja.base_url":           localEmulator,
		"daraja.consumer_key":       "local-consumer-key",
		"daraja.consumer_secret":    "local-consumer-secret",
		"daraja.shortcode":          sandboxShortCode,
		"daraja.passkey":            "6c6f63616c2d656d756c61746f722d706173736b65792d666f722d7061796374",
		"daraja.initiator":          "testapi",
		"daraja.initiator_password": "Local#Pass2026",
		"wasaapay.base_url":         localEmulator + partnerPath,
		"wasaapay.socket_url":       localEmulator,
		"wasaapay.api_key":          "sk_sandbox_local_key_0001",
		"wasaapay.webhook_secret":   "local-webhook-secret",
		"wasaapay.wallet":           "wallet_local",
		"sevi.token":                "local-sevi-token",
	} {
		l.set(key, value, origin)
	}
	return l
}

// defaultLayer is what holds when nobody says otherwise: hosts of
// reference/daraja.md §1 and reference/wasaapay.md §1, the query budget of
// reference/daraja.md §5 (the production ceiling is unpublished: one a second).
func defaultLayer(s Source, profile string, env payment.Environment) layer {
	l := newLayer("")
	set := func(key, value string) { l.set(key, value, Origin{Kind: FromDefault}) }
	if s.DataDir != "" && profile != "" {
		set("db", filepath.Join(s.DataDir, ledgerName(profile, env)))
	}
	switch env {
	case payment.Sandbox:
		set("daraja.base_url", "https://"+darajaSandbox)
		set("daraja.queries_per_minute", "5")
		set("wasaapay.base_url", "https://"+wasaapayProduction+partnerPath)
		set("wasaapay.socket_url", "wss://"+wasaapaySandbox)
	case payment.Production:
		set("daraja.base_url", "https://"+darajaProduction)
		set("daraja.queries_per_minute", "60")
		set("wasaapay.base_url", "https://"+wasaapayProduction+partnerPath)
		set("wasaapay.socket_url", "wss://"+wasaapayProduction)
	case payment.Local:
		set("daraja.queries_per_minute", "0")
	}
	absent := "settle"
	if env == payment.Production {
		absent = "hold"
	}
	set("wasaapay.absent_environment", absent)
	set("wasaapay.phone_format", "+254")
	set("wasaapay.amount_format", "number")
	set("listen.ip_check", string(IPNote))
	set("listen.c2b_validation", "accept")
	set("listen.retention", "0")
	return l
}

// ledgerName keeps ledgers of different environments apart, also when a
// profile's environment is changed later.
func ledgerName(profile string, env payment.Environment) string {
	if profile == string(env) {
		return profile + ".db"
	}
	return string(env) + "-" + profile + ".db"
}
