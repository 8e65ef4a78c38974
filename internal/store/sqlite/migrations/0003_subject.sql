-- What a delivery is about has one answer: subject. It is a deposit's key, that of the
-- deposit that a query asks about among them; a query's key above 2^40, where it asks
-- about none; or, negative, a hash of the provider's id, of the receipt, or of whatever
-- else there is. dedup is a hash of its meaning, NULL for a repetition.
ALTER TABLE deliveries RENAME COLUMN thing TO subject;
ALTER TABLE deliveries RENAME COLUMN same TO dedup;

UPDATE OR IGNORE deliveries SET subject = (SELECT q.deposit FROM queries AS q WHERE q.seq = subject - 1099511627776)
WHERE subject > 1099511627776
    AND subject - 1099511627776 IN (SELECT q.seq FROM queries AS q WHERE q.deposit IS NOT NULL);
