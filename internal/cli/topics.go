package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
)

// newTopics returns the help topics: commands without a run, which cobra lists apart.
func newTopics() []*cobra.Command {
	topic := func(use, short, text string) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Long: text}
	}
	return []*cobra.Command{
		helpLater(topic("environment", "Environment variables that payctl reads", ""), environmentHelp),
		topic("exit-codes", "Exit codes and what a script may conclude", exitCodesHelp),
		topic("output", "Output formats, streams and keys", outputHelp),
		topic("troubleshooting", "What to do about what goes wrong", troubleshootingHelp),
		topic("providers", "Providers, what each can do, and environments", providersHelp),
	}
}

// environmentHelp lists the variables of the settings' own table, then those that
// payctl or Go's library reads beside them.
func environmentHelp() string {
	var b strings.Builder
	b.WriteString(environmentHead)
	variables := config.Variables()
	width := 0
	for _, v := range variables {
		width = max(width, len(variableName(v)))
	}
	section := ""
	for _, v := range variables {
		if v.Section != section {
			section = v.Section
			b.WriteByte('\n')
		}
		meaning := v.Meaning
		if v.Alias != "" {
			meaning += " (also " + v.Alias + ")"
		}
		fmt.Fprintf(&b, "  %-*s  %s\n", width, variableName(v), meaning)
	}
	b.WriteString(environmentRest)
	return b.String()
}

func variableName(v config.Variable) string {
	if v.Secret {
		return v.Name + "[" + config.FileSuffix + "]"
	}
	return v.Name
}

const environmentHead = `A setting comes from the flag, then the environment, then the project file
(.payctl.yaml, which may hold no secrets), then the user file, then the default.
"payctl config explain KEY" says which one won. A secret's variable with _FILE after
it names a file to read the secret from. An empty variable counts as not set.

`

const environmentRest = `
Directories of the settings, the ledger and the tokens (see "payctl config path"):

  HOME                               the home directory
  XDG_CONFIG_HOME, XDG_DATA_HOME     where the user file and the ledgers are
  XDG_STATE_HOME, XDG_CACHE_HOME     what should stay, and what may be deleted
  USERPROFILE, APPDATA, LOCALAPPDATA
                                     the same on Windows
  TMPDIR                             where "payctl demo" works (TMP and TEMP on Windows)

Output:

  DISPLAY, WAYLAND_DISPLAY           where a browser can be opened (payctl ui --open)
  NO_COLOR, CLICOLOR_FORCE           no colour; colour in pipes and files, too
  TERM=dumb, CLICOLOR=0              no colour; a dumb terminal gets no spinner, either
  LC_ALL, LC_CTYPE, LANG             UTF-8 in them lets the spinner use dots

Connections to the providers and to your own endpoints:

  HTTPS_PROXY, HTTP_PROXY, NO_PROXY  proxies, in small letters, too
  SSL_CERT_FILE, SSL_CERT_DIR        certificates to trust instead of the system's (Unix)

"payctl listen" as a service:

  LISTEN_PID, LISTEN_FDS             a socket that systemd opened
  NOTIFY_SOCKET                      where systemd is told that the listener is ready
  GOGC, GOMEMLIMIT                   Go's memory settings; either replaces payctl's own
`

const outputHelp = `These flags mean the same everywhere:

  --profile NAME      settings profile
  --config FILE       configuration file instead of the user's
  --db FILE|URL       ledger
  -o, --output FORMAT text, json, ndjson or csv
  --jq EXPR           filter the JSON output with a jq expression
  --template TEXT     format the JSON output with a Go template
  -q, --quiet         no notes and no progress
  -v, --verbose       show each exchange with the provider, secrets taken out
  --color WHEN        auto, always or never
  --timeout DURATION  give up after this time, such as 90s
  --timezone ZONE     show times in this zone, such as Africa/Nairobi
  --yes               answer yes to every question
  --show-phone        show whole phone numbers

stdout carries data; stderr carries everything else: progress, notes and errors.
A pipe never sees a spinner.

  -o text     for people: tables fit the terminal, times are in one zone, which is
              named once (in a terminal's lists they are ages), and a list says where
              it was cut
  -o json     one document: an object, or an array for lists ([] when empty)
  -o ndjson   one object per line; streams (listen, status watch, webhook replay,
              webhook verify --ndjson, emulator) do so under json, too
  -o csv      lists and reports: RFC 4180, a header of the JSON's keys, what is inside
              a value as JSON; a ' stands before cells that a spreadsheet would run

"webhook trigger --count N", "webhook hammer" and "explain --stdin" of a log's lines
print several results: an array under json, one object per line under ndjson.

Keys are snake_case. Amounts are decimal strings beside a currency. Times are
RFC 3339 in UTC. An absent value is null, never missing. Phone numbers are masked
unless --show-phone is given, in stored bodies too ("webhook show --raw" alone writes
the exact bytes). A deposit's provider_id is whole in JSON, since scripts need it:
Daraja's CheckoutRequestID ends with the payer's number, so keep it out of logs.

--jq EXPR filters each document; --template TEXT formats it with Go's text/template.

--since, --until and the like take RFC 3339, a date, a date and time in the zone that
is printed, or an age: 90s, 2h, 3d, 2w.

Under json and ndjson each line on stderr is one object: {"note":…}, {"warning":…},
with -v {"debug":…}, and at the end at most one error:
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

const troubleshootingHelp = `Start with "payctl doctor": it names what is wrong with a set-up and how to mend it.

  a callback never comes
    payctl doctor                     is the callback URL reached, and is it this listener?
    payctl status watch ID            asks the provider beside waiting
    payctl webhook list --deposit ID  what came, believed or not
  "still processing", or no answer at all
    payctl status get ID              asks once; exit 8 is undecided, not failed
    payctl deposit resolve ID         asks every source and settles what is proved
  UNKNOWN: the request was sent and no answer came
    payctl deposit resolve ID         never send it again by hand before that
  exit 9 from deposit create
    the same was asked before and may be paid; the message names the deposit
  a webhook's signature does not verify
    payctl webhook verify body.json --explain
  the app did not get a webhook, or got it twice
    payctl webhook show ID --attempts
    payctl webhook queue list, then payctl webhook replay --failed
  the statement and the books differ
    payctl reconcile FILE...
    payctl trace RECEIPT
  a code that says nothing
    payctl explain CODE
  everything about one payment, for the provider's support
    payctl trace ID --bundle evidence.zip
`
