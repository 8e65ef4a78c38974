-- writers: 12
-- The counts of final deposits, told apart by what is asked for together; programs of the
-- schema before would go on counting where nobody reads.
CREATE TABLE outcomes_counts (
    writer BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    decided_by TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    called BIGINT NOT NULL,
    n BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (writer, hour, provider, environment, currency, status, decided_by, code, called)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE VIEW outcomes AS SELECT hour, provider, environment, currency, status, decided_by, code, called, CAST(sum(n) AS BIGINT) AS n, CAST(sum(amount) AS BIGINT) AS amount FROM outcomes_counts GROUP BY hour, provider, environment, currency, status, decided_by, code, called;

CREATE TABLE settle_times_counts (
    writer BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    bucket BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (writer, hour, environment, bucket)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE VIEW settle_times AS SELECT hour, environment, bucket, CAST(sum(n) AS BIGINT) AS n FROM settle_times_counts GROUP BY hour, environment, bucket;

CREATE TABLE amount_bands_counts (
    writer BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    band BIGINT NOT NULL,
    n BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (writer, hour, environment, currency, status, band)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE VIEW amount_bands AS SELECT hour, environment, currency, status, band, CAST(sum(n) AS BIGINT) AS n, CAST(sum(amount) AS BIGINT) AS amount FROM amount_bands_counts GROUP BY hour, environment, currency, status, band;

INSERT INTO outcomes_counts (writer, hour, provider, environment, currency, status, decided_by, code, called, n, amount)
SELECT writer, hour, provider, environment, currency, status, decided_by, code, called, sum(n), sum(amount)
FROM settled_counts GROUP BY writer, hour, provider, environment, currency, status, decided_by, code, called;

INSERT INTO settle_times_counts (writer, hour, environment, bucket, n)
SELECT writer, hour, environment, bucket, sum(n) FROM settled_counts GROUP BY writer, hour, environment, bucket;

INSERT INTO amount_bands_counts (writer, hour, environment, currency, status, band, n, amount)
SELECT 0, (created_at / 1000000 + 10800) / 3600, environment, currency, status,
    CASE WHEN amount >= 15000000 THEN 7 WHEN amount >= 5000000 THEN 6 WHEN amount >= 1000000 THEN 5 WHEN amount >= 500000 THEN 4
        WHEN amount >= 100000 THEN 3 WHEN amount >= 50000 THEN 2 WHEN amount >= 10000 THEN 1 ELSE 0 END,
    count(*), sum(amount)
FROM deposits GROUP BY 2, 3, 4, 5, 6;

DROP VIEW settled;

DROP TABLE settled_counts;
