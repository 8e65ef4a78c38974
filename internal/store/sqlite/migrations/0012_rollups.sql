-- The counts of final deposits, told apart by what is asked for together, so that a long
-- time is few rows: what became of them, how long that took, and how much was asked for.
-- amount_bands counts undecided deposits too; band is the number of bounds that the
-- amount reaches (see AmountBounds).
CREATE TABLE outcomes (
    hour        INTEGER NOT NULL,
    provider    TEXT NOT NULL,
    environment TEXT NOT NULL,
    currency    TEXT NOT NULL,
    status      TEXT NOT NULL,
    decided_by  TEXT NOT NULL,
    code        TEXT NOT NULL,
    called      INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    amount      INTEGER NOT NULL,
    PRIMARY KEY (hour, provider, environment, currency, status, decided_by, code, called)
) STRICT, WITHOUT ROWID;

CREATE TABLE settle_times (
    hour        INTEGER NOT NULL,
    environment TEXT NOT NULL,
    bucket      INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    PRIMARY KEY (hour, environment, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE amount_bands (
    hour        INTEGER NOT NULL,
    environment TEXT NOT NULL,
    currency    TEXT NOT NULL,
    status      TEXT NOT NULL,
    band        INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    amount      INTEGER NOT NULL,
    PRIMARY KEY (hour, environment, currency, status, band)
) STRICT, WITHOUT ROWID;

INSERT INTO outcomes (hour, provider, environment, currency, status, decided_by, code, called, n, amount)
SELECT hour, provider, environment, currency, status, decided_by, code, called, sum(n), sum(amount)
FROM settled GROUP BY hour, provider, environment, currency, status, decided_by, code, called;

INSERT INTO settle_times (hour, environment, bucket, n)
SELECT hour, environment, bucket, sum(n) FROM settled GROUP BY hour, environment, bucket;

INSERT INTO amount_bands (hour, environment, currency, status, band, n, amount)
SELECT (created_at / 1000000 + 10800) / 3600, environment, currency, status,
    (amount >= 10000) + (amount >= 50000) + (amount >= 100000) + (amount >= 500000) + (amount >= 1000000) + (amount >= 5000000) + (amount >= 15000000),
    count(*), sum(amount)
FROM deposits GROUP BY 1, 2, 3, 4, 5;

DROP TABLE settled;
