-- writers: 13
-- failing says of a delivery what lists ask for at once, its kind and its payer: phone is
-- its deposit's or, without one, the delivery's own, '' for none. Programs of the schema
-- before would leave both out.
ALTER TABLE failing ADD COLUMN kind BIGINT, ADD COLUMN phone TEXT COLLATE "C";

UPDATE failing SET kind = v.kind, phone = coalesce((SELECT d.phone FROM deposits AS d WHERE d.seq = v.subject AND d.phone <> ''), v.phone, '')
FROM deliveries AS v WHERE v.seq = failing.seq;

DELETE FROM failing WHERE kind IS NULL;

ALTER TABLE failing ALTER COLUMN kind SET NOT NULL, ALTER COLUMN phone SET NOT NULL;

DROP INDEX failing_list;
CREATE INDEX failing_list ON failing (kind, received_at, seq, target);
CREATE INDEX failing_phone ON failing (phone, kind, received_at, seq, target);

DROP INDEX deliveries_phone;
CREATE INDEX deliveries_phone ON deliveries (phone, kind, received_at, seq, subject) WHERE phone IS NOT NULL;
