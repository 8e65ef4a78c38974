-- Deposits that ask one customer for the same are looked for with every new one: a
-- phone may be asked thousands of times, as the sandbox's is, and so may a reference.
CREATE INDEX deposits_twins ON deposits (phone, reference) WHERE reference <> '';
