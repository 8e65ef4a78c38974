-- What commands changed: who, when, from which host, what, on what and why. Rows are only
-- added. hash covers the row and the hash before it; meta's actions_head is the last one,
-- so that neither a changed row nor a missing one goes unseen.
CREATE TABLE actions (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    who     TEXT NOT NULL,
    host    TEXT NOT NULL,
    what    TEXT NOT NULL,
    subject TEXT NOT NULL,
    because TEXT NOT NULL,
    hash    TEXT NOT NULL
) STRICT;

CREATE INDEX actions_subject ON actions (subject) WHERE subject <> '';
