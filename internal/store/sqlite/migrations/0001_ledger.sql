-- The ledger, first version. Times are microseconds since 1970 (UTC), amounts
-- are minor units. Keys are integers: an index on a random key costs a factor
-- at millions of rows, so there are few of them.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE shelves (
    id          INTEGER PRIMARY KEY,
    provider    TEXT NOT NULL,
    environment TEXT NOT NULL,
    status      TEXT NOT NULL,
    UNIQUE (provider, environment, status)
) STRICT;

CREATE TABLE deposits (
    seq                 INTEGER PRIMARY KEY,
    shelf               INTEGER NOT NULL,
    provider            TEXT NOT NULL,
    environment         TEXT NOT NULL,
    reference           TEXT NOT NULL,
    description         TEXT NOT NULL,
    idempotency_key     TEXT NOT NULL,
    status              TEXT NOT NULL,
    amount              INTEGER NOT NULL,
    currency            TEXT NOT NULL,
    phone               TEXT NOT NULL,
    short_code          TEXT NOT NULL,
    wallet              TEXT NOT NULL,
    provider_id         TEXT NOT NULL,
    merchant_request_id TEXT NOT NULL,
    receipt             TEXT NOT NULL,
    failure             TEXT,
    decided_by          TEXT NOT NULL,
    conflict            TEXT NOT NULL,
    callback_token      TEXT NOT NULL,
    sent_at             INTEGER,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    expires_at          INTEGER
) STRICT;

CREATE UNIQUE INDEX deposits_idempotency ON deposits (idempotency_key, provider, environment);
CREATE UNIQUE INDEX deposits_token ON deposits (callback_token) WHERE callback_token <> '';
CREATE INDEX deposits_provider_id ON deposits (provider_id) WHERE provider_id <> '';
CREATE INDEX deposits_merchant_request ON deposits (merchant_request_id) WHERE merchant_request_id <> '';
CREATE INDEX deposits_receipt ON deposits (receipt) WHERE receipt <> '';
CREATE INDEX deposits_reference ON deposits (reference);
CREATE INDEX deposits_phone ON deposits (phone, sent_at);
CREATE INDEX deposits_list ON deposits (shelf, created_at);
CREATE INDEX deposits_conflict ON deposits (created_at) WHERE conflict <> '';

-- What was said about a deposit by anything but a delivery; deliveries carry
-- their own move.
CREATE TABLE claims (
    seq      INTEGER PRIMARY KEY,
    deposit  INTEGER NOT NULL REFERENCES deposits (seq),
    at       INTEGER NOT NULL,
    source   TEXT NOT NULL,
    status   TEXT NOT NULL,
    move     INTEGER NOT NULL,
    delivery INTEGER,
    note     TEXT NOT NULL
) STRICT;

CREATE INDEX claims_deposit ON claims (deposit);

-- What a delivery is, as a dictionary: a delivery carries one small number for
-- it, and an index that starts with that number serves every filter.
CREATE TABLE kinds (
    id        INTEGER PRIMARY KEY,
    provider  TEXT NOT NULL,
    route     TEXT NOT NULL,
    event     TEXT NOT NULL,
    verdict   TEXT NOT NULL,
    status    TEXT NOT NULL,
    duplicate INTEGER NOT NULL,
    UNIQUE (provider, route, event, verdict, status, duplicate)
) STRICT;

-- thing is what the delivery is about: a deposit's key; a query's key above
-- 2^40; or, negative, a hash of the provider's id, or of whatever else there is.
-- same is a hash of its meaning, NULL for a repetition. token is NULL when the
-- path had none, '' when it was the deposit's own. orphan is set while a
-- delivery waits for the deposit that it is about: its event's key.
CREATE TABLE deliveries (
    seq             INTEGER PRIMARY KEY,
    kind            INTEGER NOT NULL,
    received_at     INTEGER NOT NULL,
    thing           INTEGER NOT NULL,
    same            INTEGER,
    deposit         INTEGER,
    query           INTEGER,
    duplicate_of    INTEGER,
    move            INTEGER NOT NULL,
    size            INTEGER NOT NULL,
    provider_id     TEXT,
    reference       TEXT,
    receipt         TEXT,
    conversation_id TEXT,
    amount          INTEGER,
    currency        TEXT,
    occurred_at     INTEGER,
    token           TEXT,
    method          TEXT,
    peer            TEXT,
    reason          TEXT,
    detail          TEXT,
    orphan          TEXT,
    header          TEXT NOT NULL,
    body            BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX deliveries_same ON deliveries (thing, same);
CREATE INDEX deliveries_list ON deliveries (kind, received_at);

-- What the statistics and the quarantine count: received by day in East African
-- time, dropped since, and what is left. A commit writes one row of it.
CREATE TABLE daily (
    day   INTEGER NOT NULL,
    kind  INTEGER NOT NULL REFERENCES kinds (id),
    n     INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (day, kind)
) STRICT;

CREATE TABLE dropped (
    kind  INTEGER PRIMARY KEY REFERENCES kinds (id),
    n     INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;

CREATE VIEW stored AS
SELECT kind, sum(n) AS n, sum(bytes) AS bytes
FROM (SELECT kind, n, bytes FROM daily UNION ALL SELECT kind, -n, -bytes FROM dropped) AS moves
GROUP BY kind;

CREATE TABLE deposit_daily (
    day         INTEGER NOT NULL,
    provider    TEXT NOT NULL,
    environment TEXT NOT NULL,
    currency    TEXT NOT NULL,
    status      TEXT NOT NULL,
    n           INTEGER NOT NULL,
    amount      INTEGER NOT NULL,
    PRIMARY KEY (day, provider, environment, currency, status)
) STRICT;

-- Questions whose answer comes later by callback.
CREATE TABLE queries (
    seq                         INTEGER PRIMARY KEY,
    kind                        TEXT NOT NULL,
    provider                    TEXT NOT NULL,
    environment                 TEXT NOT NULL,
    status                      TEXT NOT NULL,
    deposit                     INTEGER,
    receipt                     TEXT NOT NULL,
    original_conversation_id    TEXT NOT NULL,
    request                     TEXT NOT NULL,
    token                       TEXT NOT NULL,
    conversation_id             TEXT NOT NULL,
    originator_conversation_id  TEXT NOT NULL,
    code                        TEXT NOT NULL,
    message                     TEXT NOT NULL,
    delivery                    INTEGER,
    created_at                  INTEGER NOT NULL,
    updated_at                  INTEGER NOT NULL,
    answered_at                 INTEGER
) STRICT;

CREATE INDEX queries_deposit ON queries (deposit) WHERE deposit IS NOT NULL;
CREATE UNIQUE INDEX queries_token ON queries (token) WHERE token <> '';
CREATE INDEX queries_conversation ON queries (conversation_id) WHERE conversation_id <> '';
CREATE INDEX queries_originator ON queries (originator_conversation_id) WHERE originator_conversation_id <> '';
CREATE INDEX queries_receipt ON queries (receipt) WHERE receipt <> '';

-- One row per wallet transaction (reference/sevi.md §8).
CREATE TABLE wallet_transactions (
    seq            INTEGER PRIMARY KEY,
    provider       TEXT NOT NULL,
    wallet         TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    status         TEXT NOT NULL,
    amount         INTEGER,
    currency       TEXT NOT NULL,
    conflict       TEXT NOT NULL,
    delivery       INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX wallet_transactions_id ON wallet_transactions (transaction_id, wallet, provider);

-- Rate budgets shared by processes.
CREATE TABLE slots (
    name       TEXT NOT NULL PRIMARY KEY,
    next_at    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Store and forward.
CREATE TABLE targets (
    id  INTEGER PRIMARY KEY,
    url TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE forwards (
    seq        INTEGER PRIMARY KEY,
    delivery   INTEGER NOT NULL,
    target     INTEGER NOT NULL REFERENCES targets (id),
    state      TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX forwards_delivery ON forwards (delivery, target);
CREATE INDEX forwards_due ON forwards (state, due_at);

CREATE TABLE runs (
    seq         INTEGER PRIMARY KEY,
    spec        TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;

CREATE TABLE attempts (
    seq      INTEGER PRIMARY KEY,
    delivery INTEGER NOT NULL,
    target   INTEGER NOT NULL REFERENCES targets (id),
    run      INTEGER,
    at       INTEGER NOT NULL,
    status   INTEGER NOT NULL,
    latency  INTEGER NOT NULL,
    error    TEXT NOT NULL,
    body     TEXT NOT NULL
) STRICT;

CREATE INDEX attempts_delivery ON attempts (delivery);
CREATE INDEX attempts_run ON attempts (run, delivery, target) WHERE run IS NOT NULL;
