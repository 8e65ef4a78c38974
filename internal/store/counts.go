package store

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// counts describes a table of counts: what a cell of it is known by, and what is summed.
type counts struct {
	table string
	keys  []string
	sums  []string
}

// countTables lists the tables of counts.
func countTables() []counts {
	n, both := []string{"n"}, []string{"n", "amount"}
	outcome := []string{"provider", "environment", "currency", "status", "decided_by", "code", "called"}
	return []counts{
		{"daily", []string{"day", "kind"}, []string{"n", "bytes"}},
		{"dropped", []string{"kind"}, []string{"n", "bytes"}},
		{"deposit_daily", []string{"day", "provider", "environment", "currency", "status"}, both},
		{"outcomes", slices.Concat([]string{"hour"}, outcome), both},
		{"outcome_days", slices.Concat([]string{"day"}, outcome), both},
		{"settle_times", []string{"hour", "environment", "bucket"}, n},
		{"settle_days", []string{"day", "environment", "bucket"}, n},
		{"amount_bands", []string{"hour", "environment", "currency", "status", "band"}, both},
		{"wallet_hourly", []string{"hour", "provider", "currency", "status", "direction"}, both},
		{"attempt_daily", []string{"day", "taken"}, n},
	}
}

// of returns the table of counts that has a name.
func (y *tables) of(table string) *counts {
	all := y.counts()
	return &all[slices.IndexFunc(all, func(c counts) bool { return c.table == table })]
}

// columns are the keys and the sums.
func (c *counts) columns() []string { return slices.Concat(c.keys, c.sums) }

// counted is what a table of counts is read from; of a cell there may be several rows.
func (db *database) counted(table string) string {
	c := db.tables.of(table)
	return db.engine.Counted(c.table, c.columns())
}

// summed is what a table of counts is read from with one row for a cell.
func (db *database) summed(table string) string {
	c := db.tables.of(table)
	keys, out := strings.Join(c.keys, ", "), "(SELECT "+strings.Join(c.keys, ", ")
	for _, name := range c.sums {
		out += ", CAST(sum(" + name + ") AS BIGINT) AS " + name
	}
	return out + " FROM " + db.counted(table) + " GROUP BY " + keys + ") AS " + table
}

// held is what to read the deliveries from that the ledger holds, by kind: those that
// came but for those that were dropped.
func (db *database) held() string {
	return "(SELECT kind, CAST(sum(n) AS BIGINT) AS n, CAST(sum(bytes) AS BIGINT) AS bytes FROM (SELECT kind, n, bytes FROM " + db.counted("daily") +
		" UNION ALL SELECT kind, -n, -bytes FROM " + db.counted("dropped") + ") AS moves GROUP BY kind)"
}

// cells are what a transaction counted: by table, the values of each cell's columns, with
// a second sum where the table has but one.
type cells map[string][][]any

// saveCounts adds what a transaction counted to the ledger. Where a statement costs no
// round trip, all of it is one row, which costs a page: a row in each table would cost
// more pages than a callback's own. The rows are added up when there are mostTallies.
func (t *tx) saveCounts(ctx context.Context, all cells) error {
	if t.remote() {
		for _, c := range t.db.tables.counts() {
			for _, values := range all[c.table] {
				if err := t.exec(ctx, t.db.engine.Count(c.table, c.keys, c.sums), values[:len(c.keys)+len(c.sums)]...); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if len(all) == 0 {
		return nil
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	bound, err := t.bind([]any{string(text)})
	if err != nil {
		return err
	}
	waiting, _, err := t.conn.Insert(ctx, "INSERT INTO tallies (cells) VALUES (?)", bound)
	if err != nil || waiting < mostTallies {
		return err
	}
	return t.addUp(ctx)
}

// mostTallies is how many commits' counts wait to be added up; who reads adds them, too.
const mostTallies = 64

// tallyRow is what one commit counted.
type tallyRow struct {
	seq   int64
	cells string
}

// addUp adds what waits to the tables of counts. SQLite would take each value out of the
// JSON anew, which is ten times as slow. What a damaged file holds there is left for
// whoever reads or checks the counts to tell: no delivery is refused for it.
func (t *tx) addUp(ctx context.Context) error {
	rows, err := t.rows(ctx, "SELECT seq, cells FROM tallies")
	if err != nil {
		return err
	}
	waiting, err := scanAll(rows, func(r *tallyRow, to []column) []column {
		return append(to, column{"seq", (*integer)(&r.seq)}, column{"cells", (*text)(&r.cells)})
	})
	if err != nil {
		return err
	}
	sums := map[string]map[string]count{}
	added := make([]int64, 0, len(waiting))
	for _, r := range waiting {
		if r.addTo(sums) {
			added = append(added, r.seq)
		}
	}
	for _, c := range t.db.tables.counts() {
		text := t.db.engine.Count(c.table, c.keys, c.sums)
		for keys, sum := range sums[c.table] {
			values, err := keysOf(keys)
			if err != nil {
				return err
			}
			if err := t.exec(ctx, text, append(values, sum.n, sum.sum)[:len(c.keys)+len(c.sums)]...); err != nil {
				return err
			}
		}
	}
	return t.exec(ctx, "DELETE FROM tallies WHERE "+t.db.engine.In("seq"), t.db.engine.Numbers(added))
}

// addTo adds a commit's cells to the sums of each table; false, and nothing is added, where
// they cannot be read.
func (r *tallyRow) addTo(sums map[string]map[string]count) bool {
	var all map[string][]json.RawMessage
	if json.Unmarshal([]byte(r.cells), &all) != nil {
		return false
	}
	for _, list := range all {
		for _, cell := range list {
			if _, _, err := cellOf(cell); err != nil {
				return false
			}
		}
	}
	for table, list := range all {
		if sums[table] == nil {
			sums[table] = map[string]count{}
		}
		for _, cell := range list {
			keys, c, _ := cellOf(cell)
			add(sums[table], keys, c.n, c.sum)
		}
	}
	return true
}

// cellOf takes a cell apart: the text of its keys, and what was counted.
func cellOf(cell []byte) (keys string, c count, err error) {
	text := strings.TrimSuffix(string(cell), "]")
	for _, into := range []*int64{&c.sum, &c.n} {
		at := max(0, strings.LastIndexByte(text, ','))
		if *into, err = strconv.ParseInt(strings.TrimPrefix(text[at:], ","), 10, 64); err != nil {
			return "", count{}, unreadable("counts", cell)
		}
		text = text[:at]
	}
	return text + "]", c, nil
}

// keysOf reads the keys of a cell.
func keysOf(text string) ([]any, error) {
	in := json.NewDecoder(strings.NewReader(text))
	in.UseNumber()
	var keys []any
	if err := in.Decode(&keys); err != nil {
		return nil, unreadable("counts", text)
	}
	for i, k := range keys {
		if n, ok := k.(json.Number); ok {
			number, err := n.Int64()
			if err != nil {
				return nil, unreadable("counts", text)
			}
			keys[i] = number
		}
	}
	return keys, nil
}
