// Command benchtable reads what "go test -bench" prints and writes one table for
// people: each figure beside the yardstick of the same run; with "shared", those of a
// ledger on PostgreSQL. It ends with 0 whatever the figures are, since on a machine that
// others use they say nothing by themselves.
package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	table := rows()
	if len(os.Args) > 1 && os.Args[1] == "shared" {
		table = sharedRows()
	}
	write(os.Stdout, table, read(os.Stdin))
}

// read gathers the values of each figure, one for each time that a benchmark ran.
func read(from io.Reader) map[figure][]float64 {
	got := map[figure][]float64{}
	cores := regexp.MustCompile(`-\d+$`)
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		name := cores.ReplaceAllString(strings.TrimPrefix(words[0], "Benchmark"), "")
		for i := 2; i+1 < len(words); i += 2 {
			if value, err := strconv.ParseFloat(words[i], 64); err == nil {
				f := figure{name, words[i+1]}
				got[f] = append(got[f], value)
			}
		}
	}
	return got
}

// write prints the rows that have a figure, and says which have none.
func write(to io.Writer, rows []row, got map[figure][]float64) {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { _, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) }
	line("WHAT", "OURS", "YARDSTICK", "RATIO", "TARGET")
	var missing []string
	for _, r := range rows {
		ours, measured := median(got[r.ours])
		if !measured {
			missing = append(missing, r.name)
			continue
		}
		yardstick, ratio := "-", "-"
		if base, found := median(got[r.yardstick]); found {
			yardstick, ratio = number(base), number(r.ratio(ours, base))
		}
		line(r.name, number(ours)+" "+r.ours.unit, yardstick, ratio, cmp.Or(r.target, "-"))
	}
	_ = table.Flush()
	if len(missing) > 0 {
		_, _ = fmt.Fprintln(to, "not measured:", strings.Join(missing, "; "))
	}
}

// ratio is how much of the yardstick ours comes to; of times, how much of its speed.
func (r row) ratio(ours, yardstick float64) float64 {
	if shares(r.ours.unit) || strings.HasSuffix(r.ours.unit, "-ratio") {
		return ours / yardstick
	}
	return yardstick / ours
}

func median(values []float64) (float64, bool) {
	if len(values) == 0 {
		return 0, false
	}
	slices.Sort(values)
	return values[len(values)/2], true
}

func number(v float64) string {
	if v >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
