-- The counts of final deposits day by day, beside those by the hour, so that a long time is
-- few rows.
CREATE TABLE outcome_days (
    day         INTEGER NOT NULL,
    provider    TEXT NOT NULL,
    environment TEXT NOT NULL,
    currency    TEXT NOT NULL,
    status      TEXT NOT NULL,
    decided_by  TEXT NOT NULL,
    code        TEXT NOT NULL,
    called      INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    amount      INTEGER NOT NULL,
    PRIMARY KEY (day, provider, environment, currency, status, decided_by, code, called)
) STRICT, WITHOUT ROWID;

CREATE TABLE settle_days (
    day         INTEGER NOT NULL,
    environment TEXT NOT NULL,
    bucket      INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    PRIMARY KEY (day, environment, bucket)
) STRICT, WITHOUT ROWID;

INSERT INTO outcome_days (day, provider, environment, currency, status, decided_by, code, called, n, amount)
SELECT hour / 24, provider, environment, currency, status, decided_by, code, called, sum(n), sum(amount)
FROM outcomes GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;

INSERT INTO settle_days (day, environment, bucket, n)
SELECT hour / 24, environment, bucket, sum(n) FROM settle_times GROUP BY 1, 2, 3;

-- What the statistics ask of undecided deposits is in the list's index: their rows are
-- wide, and scattered.
DROP INDEX deposits_list;
CREATE INDEX deposits_list ON deposits (shelf, created_at, seq, called_back, adopted, expires_at);
