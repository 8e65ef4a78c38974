-- writers: 14
-- The counts of final deposits day by day, beside those by the hour, so that a long time is
-- few rows; programs of the schema before would leave these out.
CREATE TABLE outcome_days_counts (
    writer BIGINT NOT NULL,
    day BIGINT NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    decided_by TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    called BIGINT NOT NULL,
    n BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (writer, day, provider, environment, currency, status, decided_by, code, called)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE VIEW outcome_days AS SELECT day, provider, environment, currency, status, decided_by, code, called, CAST(sum(n) AS BIGINT) AS n, CAST(sum(amount) AS BIGINT) AS amount FROM outcome_days_counts GROUP BY day, provider, environment, currency, status, decided_by, code, called;

CREATE TABLE settle_days_counts (
    writer BIGINT NOT NULL,
    day BIGINT NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    bucket BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (writer, day, environment, bucket)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE VIEW settle_days AS SELECT day, environment, bucket, CAST(sum(n) AS BIGINT) AS n FROM settle_days_counts GROUP BY day, environment, bucket;

INSERT INTO outcome_days_counts (writer, day, provider, environment, currency, status, decided_by, code, called, n, amount)
SELECT writer, hour / 24, provider, environment, currency, status, decided_by, code, called, sum(n), sum(amount)
FROM outcomes_counts GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

INSERT INTO settle_days_counts (writer, day, environment, bucket, n)
SELECT writer, hour / 24, environment, bucket, sum(n) FROM settle_times_counts GROUP BY 1, 2, 3, 4;

-- What the statistics ask of undecided deposits is in the list's index: their rows are wide,
-- and scattered.
DROP INDEX deposits_list;
CREATE INDEX deposits_list ON deposits (shelf, created_at, seq) INCLUDE (called_back, adopted, expires_at);

-- Counts are read by their time, whoever wrote them.
CREATE INDEX outcomes_hour ON outcomes_counts (hour);
CREATE INDEX settle_times_hour ON settle_times_counts (hour);
CREATE INDEX amount_bands_hour ON amount_bands_counts (hour);
