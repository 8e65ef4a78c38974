package cli

import "github.com/spf13/cobra"

// newTopics returns the help topics: commands without a run, which cobra lists apart.
func newTopics() []*cobra.Command {
	topic := func(use, short, text string) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Long: text}
	}
	return []*cobra.Command{
		topic("environment", "Environment variables that payctl reads", environmentHelp),
		topic("exit-codes", "Exit codes and what a script may conclude", exitCodesHelp),
		topic("output", "Output formats, streams and keys", outputHelp),
		topic("providers", "Providers, what each can do, and environments", providersHelp),
	}
}

const environmentHelp = `A setting comes from the flag, then the environment, then the project file
(.payctl.yaml, which may hold no secrets), then the user file, then the default.
"payctl config explain KEY" says which one won.

  PAYCTL_PROFILE                     the profile, as --profile
  PAYCTL_CONFIG                      the user file, as --config
  PAYCTL_DB                          the ledger, as --db
  PAYCTL_CALLBACK_URL                public base URL of "payctl listen"

  PAYCTL_DARAJA_CONSUMER_KEY         Daraja app, consumer key
  PAYCTL_DARAJA_CONSUMER_SECRET      Daraja app, consumer secret
  PAYCTL_DARAJA_SHORTCODE            paybill, or the store number of a till
  PAYCTL_DARAJA_TILL                 till number; makes pushes buy-goods
  PAYCTL_DARAJA_PASSKEY              passkey of the shortcode, 64 hex characters
  PAYCTL_DARAJA_INITIATOR            API operator's user name
  PAYCTL_DARAJA_INITIATOR_PASSWORD   API operator's password
  PAYCTL_DARAJA_CERTIFICATE          file with the M-PESA certificate
  PAYCTL_DARAJA_BASE_URL             gateway, when it is not the environment's own

  PAYCTL_WASAAPAY_API_KEY            API key (also WASAAPAY_API_KEY)
  PAYCTL_WASAAPAY_WEBHOOK_SECRET     webhook secret
  PAYCTL_WASAAPAY_WALLET             wallet that deposits go to
  PAYCTL_WASAAPAY_BASE_URL           REST base URL
  PAYCTL_WASAAPAY_SOCKET_URL         Socket.IO URL

  PAYCTL_SEVI_TOKEN                  what Sevi puts in the Authorization header

  NO_COLOR, CLICOLOR_FORCE, TERM=dumb   colour, as usual
`

const outputHelp = `stdout carries data; stderr carries everything else: progress, notes and errors.
A pipe never sees a spinner.

  -o text     for people
  -o json     one document: an object, or an array for lists ([] when empty)
  -o ndjson   one object per line; streams (listen, status watch, webhook replay,
              webhook verify --ndjson, emulator) do so under json, too

"webhook trigger --count N", "webhook hammer" and "explain --stdin" of a log's lines
print several results: an array under json, one object per line under ndjson.

Keys are snake_case. Amounts are decimal strings beside a currency. Times are
RFC 3339 in UTC. An absent value is null, never missing. Phone numbers are masked
unless --show-phone is given, in stored bodies too ("webhook show --raw" alone writes
the exact bytes). A deposit's provider_id is whole in JSON, since scripts need it:
Daraja's CheckoutRequestID ends with the payer's number, so keep it out of logs.

--jq EXPR filters each document; --template TEXT formats it with Go's text/template.

Under json and ndjson an error is one object on stderr:
{"error":{"kind","message","hint","exit_code","provider","provider_code","retryable"}}
`

const providersHelp = `  provider   asks for money   polls   streams   transaction status   receives
  daraja     yes              yes     -         yes                  callbacks, results, C2B
  wasaapay   yes              yes     yes       -                    signed webhooks
  sevi       -                -       -         -                    wallet transactions

An environment is local (payctl's own emulator), sandbox (the provider's) or
production. A profile is a named set of settings for one environment; the built-in
profile local points at "payctl emulator" and needs no configuration.

Sandbox pushes to a real number can ring the phone and move real money.
`
