package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	write(&out, rows(), read(strings.NewReader(`goos: linux
BenchmarkVerify/hmac/canonical-2    100   600 ns/op  20.44 MB/s
BenchmarkVerify/verify/canonical-2  100  1000 ns/op  13.07 MB/s
BenchmarkVerify/verify/canonical-2  100   750 ns/op  13.07 MB/s
BenchmarkVerify/verify/canonical-2  100   100 ns/op  13.07 MB/s
BenchmarkReplay-2  3  8000 hey/s  4000 sender/s  2000 replay/s
BenchmarkOpenPayments-8        1  1 ns/op  58.5 MB/100k-open
PASS
`)))
	var lines [][]string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Fields(line))
	}
	want := []string{
		"WHAT OURS YARDSTICK RATIO TARGET",
		"verify, canonical 750 ns/op 600 0.8 >= 0.80",
		"replay to loopback, of hey 2000 replay/s 8000 0.25 >= 1",
		"replay to loopback, of its own sender 2000 replay/s 4000 0.5 -",
		"emulator: 100,000 open payments, MB 58.5 MB/100k-open - - <= 64",
	}
	for i, line := range want {
		if got := strings.Join(lines[i], " "); got != line {
			t.Errorf("row %d: %q, want %q", i, got, line)
		}
	}
	if last := strings.Join(lines[len(lines)-1], " "); !strings.HasPrefix(last, "not measured: start-up: version") {
		t.Errorf("the last line is %q", last)
	}
}

// TestSharedTable: what a shared ledger does is held against a writer that sends each
// statement by itself, at the same distance.
func TestSharedTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	write(&out, sharedRows(), read(strings.NewReader(`
BenchmarkShared/naive/rtt=2.5-2        1 1 ns/op 80 rows/s
BenchmarkShared/listeners=1/rtt=2.5-2  1 1 ns/op 20 ms-p50 40 ms-p99 0 retries/batch 2000 rows/s
BenchmarkSharedCold/connection-2       1 1 ns/op 600 ms/command
BenchmarkSharedCold/create-2           1 1 ns/op 900 ms/command 3.000 trips/command
BenchmarkLarge/postgres/baseline/latest_50-8  10 1 ns/op 2 ms/op
BenchmarkLarge/postgres/webhook/failed-8      10 1 ns/op 1 ms/op
`)))
	for _, want := range []string{
		"1 listener, RTT 2.5 ms 2000 rows/s 80 25 >= 15",
		"1 listener, RTT 2.5 ms, retries a batch 0 retries/batch - - -",
		"a cold command's write at 140 ms, round trips 3 trips/command - - <= 5",
		"a cold command's write at 140 ms 900 ms/command 600 0.667 -",
		"PostgreSQL: webhook/failed 1 ms/op 2 2 <= 5",
	} {
		found := false
		for line := range strings.Lines(out.String()) {
			found = found || strings.Join(strings.Fields(line), " ") == want
		}
		if !found {
			t.Errorf("%q is missing from\n%s", want, &out)
		}
	}
}
