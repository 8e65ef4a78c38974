-- failing says of a delivery what lists ask for at once, its kind and its payer, so that
-- two rare conditions together cost a page, too: phone is its deposit's or, without one,
-- the delivery's own, '' for none.
ALTER TABLE failing RENAME TO failing_before;

CREATE TABLE failing (
    seq         INTEGER NOT NULL,
    target      INTEGER NOT NULL REFERENCES targets (id),
    kind        INTEGER NOT NULL,
    phone       TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (seq, target)
) STRICT, WITHOUT ROWID;

INSERT INTO failing (seq, target, kind, phone, received_at)
SELECT f.seq, f.target, v.kind, coalesce((SELECT d.phone FROM deposits AS d WHERE d.seq = v.subject AND d.phone <> ''), v.phone, ''), f.received_at
FROM failing_before AS f JOIN deliveries AS v ON v.seq = f.seq;

DROP TABLE failing_before;

CREATE INDEX failing_list ON failing (kind, received_at, seq);
CREATE INDEX failing_phone ON failing (phone, kind, received_at, seq);

DROP INDEX deliveries_phone;
CREATE INDEX deliveries_phone ON deliveries (phone, kind, received_at, seq, subject) WHERE phone IS NOT NULL;
