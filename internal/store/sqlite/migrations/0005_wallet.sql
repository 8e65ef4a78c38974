-- The wallet of an event about one of its transactions, which prune looks at.
ALTER TABLE deliveries ADD COLUMN wallet TEXT;
UPDATE deliveries SET wallet = detail ->> 'sc'
WHERE kind IN (SELECT k.id FROM kinds AS k WHERE k.provider = 'sevi' AND k.event LIKE 'wallet.%');

-- Sums are of the columns' own type in every engine.
DROP VIEW stored;
CREATE VIEW stored AS
SELECT kind, CAST(sum(n) AS BIGINT) AS n, CAST(sum(bytes) AS BIGINT) AS bytes
FROM (SELECT kind, n, bytes FROM daily UNION ALL SELECT kind, -n, -bytes FROM dropped) AS moves
GROUP BY kind;
