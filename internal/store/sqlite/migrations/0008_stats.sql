-- What the statistics read: final deposits by the hour, in East African time, in which
-- they were asked for, by who decided them, why they failed, and how long that took
-- (bucket: the number of bounds that the seconds reach; see settleBounds). attempt_daily
-- counts attempts to forward, day by day, by whether the app took the delivery.
CREATE TABLE settled (
    hour        INTEGER NOT NULL,
    provider    TEXT NOT NULL,
    environment TEXT NOT NULL,
    currency    TEXT NOT NULL,
    status      TEXT NOT NULL,
    decided_by  TEXT NOT NULL,
    code        TEXT NOT NULL,
    bucket      INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    amount      INTEGER NOT NULL,
    PRIMARY KEY (hour, provider, environment, currency, status, decided_by, code, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt_daily (
    day   INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (day, taken)
) STRICT;

CREATE INDEX deposits_reversal ON deposits (created_at) WHERE reversal <> '';
CREATE INDEX wallet_transactions_created ON wallet_transactions (created_at);

INSERT INTO settled (hour, provider, environment, currency, status, decided_by, code, bucket, n, amount)
SELECT (created_at / 1000000 + 10800) / 3600, provider, environment, currency, status, decided_by,
    substr(coalesce(json_extract(failure, '$.code'), ''), 1, 32),
    (s >= 1) + (s >= 2) + (s >= 3) + (s >= 4) + (s >= 5) + (s >= 6) + (s >= 8) + (s >= 10) + (s >= 12) + (s >= 15)
        + (s >= 20) + (s >= 25) + (s >= 30) + (s >= 40) + (s >= 50) + (s >= 60) + (s >= 80) + (s >= 100) + (s >= 120)
        + (s >= 180) + (s >= 300) + (s >= 600) + (s >= 1800) + (s >= 3600) AS bucket,
    count(*), sum(amount)
FROM (SELECT *, (coalesce(paid_at, updated_at) - coalesce(sent_at, created_at)) / 1000000 AS s FROM deposits WHERE status IN ('COMPLETED', 'FAILED'))
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;

INSERT INTO attempt_daily (day, taken, n)
SELECT (at / 1000000 + 10800) / 86400, status BETWEEN 200 AND 299, count(*) FROM attempts WHERE run IS NULL GROUP BY 1, 2;
