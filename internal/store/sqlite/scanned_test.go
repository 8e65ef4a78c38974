package sqlite

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	driver "modernc.org/sqlite"
)

// TestLongReadsLeaveTheWriterItsPages holds that the connection that writes keeps what it
// uses all the time in memory while others read more than memory has room for. SQLite has
// one pool of pages for all connections of a process, so nothing else may run beside it.
func TestLongReadsLeaveTheWriterItsPages(t *testing.T) { //nolint:paralleltest // see above
	const pages = 3000 // several times what all connections keep
	db, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "ledger.db"), Busy: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	c := db.Writer()
	defer func() { _ = c.Close() }()
	begin := func() {
		t.Helper()
		if _, _, _, err := c.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	run := func(query string) {
		t.Helper()
		if _, err := c.Exec(t.Context(), query, nil); err != nil {
			t.Fatal(err)
		}
	}
	begin()
	run("WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO targets (url) SELECT i || '" + strings.Repeat("x", 5000) + "' FROM n")
	if err := c.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	misses := func() int {
		t.Helper()
		counters, ok := c.raw.(driver.DBStatus)
		if !ok {
			t.Fatal("the driver counts nothing")
		}
		n, _, err := counters.Status(driver.DBStatusCacheMiss, true)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	// Both read everything, the writer a little at a time, as recording answers does.
	const step = 100
	most := 0
	for from := 0; from < pages; from += step {
		var size int
		err := db.read.QueryRowContext(t.Context(), "SELECT sum(length(url)) FROM targets WHERE id > ? AND id <= ?", from, from+step).Scan(&size)
		if err != nil {
			t.Fatal(err)
		}
		db.Scanned(t.Context())
		begin()
		run("DELETE FROM targets WHERE length(url) = 0 AND id > " + strconv.Itoa(from) + " AND id <= " + strconv.Itoa(from+step))
		_ = misses()
		for range step {
			run("DELETE FROM targets WHERE id = 0")
		}
		most = max(most, misses())
		if err := c.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if most > step/2 {
		t.Errorf("%d statements read %d pages anew", step, most)
	}
}
