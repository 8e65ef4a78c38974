-- Which extra fields a request was made with, as a hash: they may hold anything.
-- A key that comes again with others is refused.
ALTER TABLE deposits ADD COLUMN fields_hash TEXT NOT NULL DEFAULT '';
