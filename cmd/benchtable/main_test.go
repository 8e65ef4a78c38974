package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	write(&out, read(strings.NewReader(`goos: linux
BenchmarkVerify/hmac/canonical-2    100   600 ns/op  20.44 MB/s
BenchmarkVerify/verify/canonical-2  100  1000 ns/op  13.07 MB/s
BenchmarkVerify/verify/canonical-2  100   750 ns/op  13.07 MB/s
BenchmarkVerify/verify/canonical-2  100   100 ns/op  13.07 MB/s
BenchmarkReplay-2  3  8000 hey/s  4000 sender/s  2000 replay/s
BenchmarkOpenPayments-8        1  1 ns/op  58.5 MB/100k-open
PASS
`)))
	var rows [][]string
	for line := range strings.Lines(out.String()) {
		rows = append(rows, strings.Fields(line))
	}
	want := []string{
		"WHAT OURS YARDSTICK RATIO TARGET",
		"verify, canonical 750 ns/op 600 0.8 >= 0.80",
		"replay to loopback, of hey 2000 replay/s 8000 0.25 >= 1",
		"replay to loopback, of its own sender 2000 replay/s 4000 0.5 -",
		"emulator: 100,000 open payments, MB 58.5 MB/100k-open - - <= 64",
	}
	for i, line := range want {
		if got := strings.Join(rows[i], " "); got != line {
			t.Errorf("row %d: %q, want %q", i, got, line)
		}
	}
	if last := strings.Join(rows[len(rows)-1], " "); !strings.HasPrefix(last, "not measured: start-up: version") {
		t.Errorf("the last line is %q", last)
	}
}
