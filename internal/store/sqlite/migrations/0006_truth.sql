-- What a deposit must say of itself so that nothing about it vanishes: when it was paid,
-- that it was asked for elsewhere, that its id was bound by the reference alone, which
-- deposit it repeats on purpose, why an operator decided it, and what became of giving
-- the money back (JSON). twins says that another deposit asked the same customer for
-- the same. A conflict is JSON from here on: since when, between what, and why.
ALTER TABLE deposits ADD COLUMN paid_at INTEGER;
ALTER TABLE deposits ADD COLUMN adopted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deposits ADD COLUMN by_reference INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deposits ADD COLUMN repeats TEXT NOT NULL DEFAULT '';
ALTER TABLE deposits ADD COLUMN because TEXT NOT NULL DEFAULT '';
ALTER TABLE deposits ADD COLUMN reversal TEXT NOT NULL DEFAULT '';
ALTER TABLE deposits ADD COLUMN twins INTEGER NOT NULL DEFAULT 0;

UPDATE deposits SET paid_at = updated_at WHERE status = 'COMPLETED';
UPDATE deposits SET conflict = json_object('since', updated_at, 'between', json_array('', ''), 'reason', conflict) WHERE conflict <> '';
UPDATE deposits SET adopted = 1, callback_token = '' WHERE amount = 0 AND idempotency_key = 'adopted-' || provider_id;

-- Ids and receipts that some source gave a deposit beside its own: they find it, and
-- no other deposit may have them without a word.
CREATE TABLE aliases (
    name    TEXT NOT NULL,
    deposit INTEGER NOT NULL REFERENCES deposits (seq),
    PRIMARY KEY (name, deposit)
) STRICT, WITHOUT ROWID;
