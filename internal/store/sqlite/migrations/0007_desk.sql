-- failing holds the deliveries whose last attempt at a target got no 2xx, so that a list
-- of them costs a page: seq is the delivery.
CREATE TABLE failing (
    seq         INTEGER NOT NULL,
    target      INTEGER NOT NULL REFERENCES targets (id),
    received_at INTEGER NOT NULL,
    PRIMARY KEY (seq, target)
) STRICT, WITHOUT ROWID;

CREATE INDEX failing_list ON failing (received_at, seq);

INSERT INTO failing (seq, target, received_at)
SELECT a.delivery, a.target, d.received_at
FROM attempts AS a JOIN deliveries AS d ON d.seq = a.delivery
WHERE a.status NOT BETWEEN 200 AND 299
    AND a.seq = (SELECT max(b.seq) FROM attempts AS b WHERE b.delivery = a.delivery AND b.target = a.target);

-- phone is the payer of a delivery that is about no deposit of the ledger's; the others
-- are found by their deposit's.
ALTER TABLE deliveries ADD COLUMN phone TEXT;
CREATE INDEX deliveries_phone ON deliveries (phone, received_at) WHERE phone IS NOT NULL;
