package main

import "strings"

// row is one line of the table: a figure, and the yardstick of the same run.
type row struct {
	name string
	// ours and yardstick are benchmarks by name and unit; without a yardstick the
	// benchmark makes the comparison itself, or the figure stands alone.
	ours, yardstick figure
	// target is what the figure should come to: a least ratio (">= 0.80") or a
	// bound of the figure itself ("<= 20").
	target string
}

// figure names one value that a benchmark prints.
type figure struct{ bench, unit string }

// rows are the figures that design says what fast means by, the slowest to change first.
func rows() []row {
	out := []row{
		{"start-up: version, of hello-world", figure{"Startup", "version-ratio"}, figure{"Startup", "libraries-version-ratio"}, "<= 2.8"},
		{"start-up: webhook verify, of hello-world", figure{"Startup", "verify-ratio"}, figure{"Startup", "libraries-version-ratio"}, "<= 3.0"},
		{"start-up: a command with the ledger", figure{"Startup", "ledger-ratio"}, figure{"Startup", "libraries-ledger-ratio"}, "<= yardstick + 0.3"},
		{"verify, canonical", figure{"Verify/verify/canonical", "ns/op"}, figure{"Verify/hmac/canonical", "ns/op"}, ">= 0.80"},
		{"verify, messy", figure{"Verify/verify/other", "ns/op"}, figure{"Verify/hmac/other", "ns/op"}, ">= 0.30"},
		{"verify, hostile vectors", figure{"Verify/verify/vectors", "ns/op"}, figure{"Verify/hmac/vectors", "ns/op"}, ">= 0.20"},
		{"verify an archive on all cores", figure{"Archive/verify-all-cores", "MB/s"}, figure{"Archive/node", "MB/s"}, ">= 7"},
		{"read a Daraja callback", figure{"Inspect/success-compact", "ns/op"}, figure{"Inspect/success-compact/baseline-encoding-json", "ns/op"}, ""},
		{"replay to loopback, of hey", figure{"Replay", "replay/s"}, figure{"Replay", "hey/s"}, ">= 1"},
		{"replay to loopback, of its own sender", figure{"Replay", "replay/s"}, figure{"Replay", "sender/s"}, ""},
		{"create deposits, 64 callers", figure{"Create/callers=64", "rows/s"}, figure{"Create/baseline/batch=64", "rows/s"}, ">= 0.6"},
		{"store a lone callback", figure{"Record/unknown/senders=1", "rows/s"}, figure{"Record/baseline/batch=1", "rows/s"}, ">= 0.83"},
		{"store callbacks that settle, 64 senders", figure{"Record/settling/senders=64", "rows/s"}, figure{"Record/baseline/batch=64", "rows/s"}, ""},
		{"latest 50 deliveries", figure{"Read/latest_50", "ns/op"}, figure{"Read/baseline_offset_to_the_middle", "ns/op"}, ""},
		{"reconcile a million with a million", figure{"Reconcile/million", "rows/s"}, figure{"Reconcile/baseline", "rows/s"}, ""},
		{"emulator: pushes", figure{"PushBesideBare", "pushes/s"}, figure{"PushBesideBare", "bare/s"}, ">= 0.55"},
		{"emulator: 100,000 open payments, MB", figure{"OpenPayments", "MB/100k-open"}, figure{}, "<= 64"},
		{"emulator: callback late under load, p99 us", figure{"CallbacksUnderLoad", "µs-late-p99"}, figure{}, "<= 1000000"},
		{"emulator: goroutines a socket", figure{"Sockets/1000", "goroutines/socket"}, figure{"EchoSockets", "goroutines/socket"}, "<= 2"},
		{"emulator: event to 100 sockets, full push load, p99 us", figure{"EventsUnderLoad/100", "µs-event-p99"}, figure{"EventsUnderLoad/100", "µs-bare-p99"}, "<= 1000"},
		{"emulator: event to 1,000 sockets, full push load, p99 us", figure{"EventsUnderLoad/1000", "µs-event-p99"}, figure{"EventsUnderLoad/1000", "µs-bare-p99"}, "<= 5000"},
		{"emulator: latest callback under that load, ms", figure{"EventsUnderLoad/1000", "ms-late-max"}, figure{}, "<= 1000"},
		{"a large ledger beside a small one, the slowest read", figure{"Flat/worst", "x"}, figure{}, "<= 1.5"},
		{"listener: with statistics, of without them, 1 sender", figure{"ListenerRollups/settling/senders=1", "of-without"}, figure{}, ">= 0.97"},
		{"listener: with statistics, of without them, 64 senders", figure{"ListenerRollups/settling/senders=64", "of-without"}, figure{}, ">= 0.97"},
		{"a commit seen by a watcher, p50 ms", figure{"Notice", "ms/notice-p50"}, figure{}, ""},
	}
	for _, senders := range []string{"1", "64", "256"} {
		for _, load := range []string{"settling", "unknown", "signed"} {
			name := "Listener/" + load + "/senders=" + senders
			target := ""
			if load == "settling" {
				out = append(out, row{"listener: settling, " + senders + " senders, of bare, of the same rows unjudged", figure{name, "of-bare"}, figure{name, "rows-of-bare"}, ""})
			}
			switch load + senders {
			case "settling64", "settling256":
				target = ">= 0.9"
				out = append(out, row{"listener: the floor of settling, " + senders + " senders, of bare", figure{name, "floor-of-bare"}, figure{}, ">= 0.40"})
			case "signed64":
				out = append(out, row{"listener: signed, 64 senders, of bare", figure{name, "of-bare"}, figure{}, ">= 0.40"})
			case "signed256":
				out = append(out, row{"listener: signed, 256 senders, of bare", figure{name, "of-bare"}, figure{}, ">= 0.45"})
			}
			out = append(out,
				row{"listener: " + load + ", " + senders + " senders, of bare, of the floor", figure{name, "of-bare"}, figure{name, "floor-of-bare"}, target},
				row{"listener: " + load + ", " + senders + " senders, p99 ms", figure{name, "p99-ms"}, figure{name, "bare-p99-ms"}, map[bool]string{true: "<= 20"}[senders == "64"]},
			)
		}
	}
	return out
}

// sharedRows are the figures of a ledger on PostgreSQL, and of large ledgers on both
// engines.
func sharedRows() []row {
	var out []row
	for _, rtt := range []string{"0.1", "2.5", "21"} {
		naive := figure{"Shared/naive/rtt=" + rtt, "rows/s"}
		for _, listeners := range []string{"1", "2", "4"} {
			bench := "Shared/listeners=" + listeners + "/rtt=" + rtt
			name := listeners + " listeners, RTT " + rtt + " ms"
			target := ""
			if listeners == "1" {
				name = "1 listener, RTT " + rtt + " ms"
				if rtt == "2.5" {
					target = ">= 15"
				}
			}
			out = append(out,
				row{name, figure{bench, "rows/s"}, naive, target},
				row{name + ", p99", figure{bench, "ms-p99"}, figure{}, ""},
				row{name + ", retries a batch", figure{bench, "retries/batch"}, figure{}, ""},
			)
		}
	}
	out = append(out,
		row{"a cold command's write at 140 ms, round trips", figure{"SharedCold/create", "trips/command"}, figure{}, "<= 5"},
		row{"a cold command's write at 140 ms", figure{"SharedCold/create", "ms/command"}, figure{"SharedCold/connection", "ms/command"}, ""},
		row{"200 lone commits a second beside 100 watchers", figure{"SharedWatchers/watchers=100", "commits/s"}, figure{"SharedWatchers/watchers=0", "commits/s"}, ""},
		row{"seen by one of 100 watchers, p50 ms", figure{"SharedWatchers/watchers=100", "ms/notice-p50"}, figure{}, ""},
		row{"seen by one of 100 watchers, p99 ms", figure{"SharedWatchers/watchers=100", "ms/notice-p99"}, figure{}, ""},
	)
	for _, engine := range []struct{ name, bench string }{{"file", "file"}, {"PostgreSQL", "postgres"}} {
		for _, list := range []string{
			"webhook/verdict", "webhook/event_and_day", "webhook/failed", "webhook/failed_event", "webhook/failed_verdict_none",
			"webhook/phone", "webhook/phone_none", "webhook/phone_failed", "webhook/phone_failed_none", "webhook/phone_verdict", "webhook/deposit",
			"deposit/latest_50", "deposit/status_and_day", "deposit/pending", "deposit/conflict",
			"deposit/find_provider_id", "deposit/find_reference", "deposit/find_nothing", "deposit/recent_of_phone",
			"doubts", "ledger_stats", "forward_queue", "stats/week", "stats/ninety_days",
		} {
			target := "<= 5"
			if strings.HasPrefix(list, "stats/") {
				target = "<= 20"
			}
			out = append(out, row{
				engine.name + ": " + list,
				figure{"Large/" + engine.bench + "/" + list, "ms/op"},
				figure{"Large/" + engine.bench + "/baseline/latest_50", "ms/op"},
				target,
			})
		}
	}
	return out
}

// shares are units of which more is better: their ratio is ours by the yardstick.
func shares(unit string) bool {
	switch unit {
	case "rows/s", "commits/s", "MB/s", "replay/s", "pushes/s", "bare/s", "of-bare", "floor-of-bare", "rows-of-bare":
		return true
	}
	return false
}
