package store

import "sync"

// tables are the ledger's tables, each with its columns.
type tables struct {
	deposits   *table[depositRow]
	deliveries *table[deliveryRow]
	kinds      *table[kindRow]
	queries    *table[queryRow]
	notes      *table[note]
	wallet     *table[walletTransaction]
	forwards   *table[forwardRow]
	attempts   *table[attemptRow]
	runs       *table[runRow]
	// judged and whole are what is selected for judgedColumns and wholeColumns.
	judged, whole func() string
	counts        func() []counts
}

func newTables() tables {
	return tables{
		// What is there already is told from what was found before.
		deposits:   newTable("deposits", depositColumns, " ON CONFLICT DO NOTHING"),
		deliveries: newTable("deliveries", deliveryColumns, " ON CONFLICT (subject, dedup) DO NOTHING"),
		kinds:      newTable("kinds", kindColumns, " ON CONFLICT (provider, route, event, verdict, status, duplicate) DO NOTHING"),
		queries:    newTable("queries", queryColumns, ""),
		notes:      newTable("claims", noteColumns, ""),
		wallet:     newTable("wallet_transactions", walletColumns, ""),
		forwards:   newTable("forwards", forwardColumns, " ON CONFLICT (delivery, target) DO NOTHING"),
		attempts:   newTable("attempts", attemptColumns, ""),
		runs:       newTable("runs", runColumns, ""),
		judged:     sync.OnceValue(sqlJudged),
		whole:      sync.OnceValue(func() string { return names("", wholeColumns(new(depositRow), nil)) }),
		counts:     sync.OnceValue(countTables),
	}
}
