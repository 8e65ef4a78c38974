-- Whether a deposit's own callback ever came: 0 no, 1 while the prompt could be answered, 2
-- late (payment.PromptLifetime after it was sent). The statistics tell lost callbacks by
-- it; there, 3 is a deposit that nobody was to call back about: it never reached the
-- provider, was refused by its answer, or was asked for elsewhere.
ALTER TABLE deposits ADD COLUMN called_back INTEGER NOT NULL DEFAULT 0;
UPDATE deposits SET called_back = (
    SELECT CASE WHEN count(*) = 0 THEN 0 WHEN min(v.received_at) - coalesce(deposits.sent_at, deposits.created_at) > 120000000 THEN 2 ELSE 1 END
    FROM deliveries AS v JOIN kinds AS k ON k.id = v.kind
    WHERE v.subject = deposits.seq AND v.query IS NULL AND v.dedup IS NOT NULL AND k.verdict IN ('valid', 'unsigned')
        AND k.event <> '' AND k.event NOT LIKE 'c2b.%' AND k.status <> 'PENDING');

ALTER TABLE settled RENAME TO settled_before;
CREATE TABLE settled (
    hour        INTEGER NOT NULL,
    provider    TEXT NOT NULL,
    environment TEXT NOT NULL,
    currency    TEXT NOT NULL,
    status      TEXT NOT NULL,
    decided_by  TEXT NOT NULL,
    code        TEXT NOT NULL,
    bucket      INTEGER NOT NULL,
    called      INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    amount      INTEGER NOT NULL,
    PRIMARY KEY (hour, provider, environment, currency, status, decided_by, code, bucket, called)
) STRICT, WITHOUT ROWID;
DROP TABLE settled_before;

INSERT INTO settled (hour, provider, environment, currency, status, decided_by, code, bucket, called, n, amount)
SELECT (created_at / 1000000 + 10800) / 3600, provider, environment, currency, status, decided_by,
    substr(coalesce(json_extract(failure, '$.code'), ''), 1, 32),
    (s >= 1) + (s >= 2) + (s >= 3) + (s >= 4) + (s >= 5) + (s >= 6) + (s >= 8) + (s >= 10) + (s >= 12) + (s >= 15)
        + (s >= 20) + (s >= 25) + (s >= 30) + (s >= 40) + (s >= 50) + (s >= 60) + (s >= 80) + (s >= 100) + (s >= 120)
        + (s >= 180) + (s >= 300) + (s >= 600) + (s >= 1800) + (s >= 3600) AS bucket,
    CASE WHEN called_back = 0 AND (adopted = 1 OR sent_at IS NULL OR provider_id = '' OR decided_by = 'answer') THEN 3 ELSE called_back END AS called,
    count(*), sum(amount)
FROM (SELECT *, (coalesce(paid_at, updated_at) - coalesce(sent_at, created_at)) / 1000000 AS s FROM deposits WHERE status IN ('COMPLETED', 'FAILED'))
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

-- Which way the money of a wallet's transaction went: credit, debit, or '' where no
-- delivery said so; and the counts of them by the hour in which the first word came.
ALTER TABLE wallet_transactions ADD COLUMN direction TEXT NOT NULL DEFAULT '';
UPDATE wallet_transactions SET direction = coalesce((
    SELECT CASE k.event WHEN 'wallet.credit' THEN 'credit' WHEN 'wallet.debit' THEN 'debit' ELSE '' END
    FROM deliveries AS v JOIN kinds AS k ON k.id = v.kind WHERE v.seq = wallet_transactions.delivery), '');

CREATE TABLE wallet_hourly (
    hour      INTEGER NOT NULL,
    provider  TEXT NOT NULL,
    currency  TEXT NOT NULL,
    status    TEXT NOT NULL,
    direction TEXT NOT NULL,
    n         INTEGER NOT NULL,
    amount    INTEGER NOT NULL,
    PRIMARY KEY (hour, provider, currency, status, direction)
) STRICT, WITHOUT ROWID;

INSERT INTO wallet_hourly (hour, provider, currency, status, direction, n, amount)
SELECT (created_at / 1000000 + 10800) / 3600, provider, currency, status, direction, count(*), sum(coalesce(amount, 0))
FROM wallet_transactions GROUP BY 1, 2, 3, 4, 5;
