-- The ledger as a SQLite one of the same schema number has it. Times are microseconds
-- since 1970 (UTC), amounts are minor units. Keys come from sequences and are no order:
-- holes are normal, and who took his number first may commit last. They stay below 2^35.
-- Texts compare by their bytes, as in Go.
CREATE TABLE meta (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE SEQUENCE shelves_seq MAXVALUE 34359738367;

CREATE TABLE shelves (
    id BIGINT PRIMARY KEY DEFAULT nextval('shelves_seq'),
    provider TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    UNIQUE (provider, environment, status)
);

CREATE SEQUENCE deposits_seq MAXVALUE 34359738367;

CREATE TABLE deposits (
    seq BIGINT PRIMARY KEY DEFAULT nextval('deposits_seq'),
    shelf BIGINT NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    phone TEXT COLLATE "C" NOT NULL,
    short_code TEXT COLLATE "C" NOT NULL,
    wallet TEXT COLLATE "C" NOT NULL,
    provider_id TEXT COLLATE "C" NOT NULL,
    merchant_request_id TEXT COLLATE "C" NOT NULL,
    receipt TEXT COLLATE "C" NOT NULL,
    failure TEXT COLLATE "C",
    decided_by TEXT COLLATE "C" NOT NULL,
    conflict TEXT COLLATE "C" NOT NULL,
    callback_token TEXT COLLATE "C" NOT NULL,
    fields_hash TEXT COLLATE "C" NOT NULL DEFAULT '',
    sent_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT,
    paid_at BIGINT,
    adopted BIGINT NOT NULL DEFAULT 0,
    by_reference BIGINT NOT NULL DEFAULT 0,
    repeats TEXT COLLATE "C" NOT NULL DEFAULT '',
    because TEXT COLLATE "C" NOT NULL DEFAULT '',
    reversal TEXT COLLATE "C" NOT NULL DEFAULT '',
    twins BIGINT NOT NULL DEFAULT 0,
    called_back BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE UNIQUE INDEX deposits_idempotency ON deposits (idempotency_key, provider, environment);
CREATE UNIQUE INDEX deposits_token ON deposits (callback_token) WHERE callback_token <> '';
CREATE INDEX deposits_provider_id ON deposits (provider_id) WHERE provider_id <> '';
CREATE INDEX deposits_merchant_request ON deposits (merchant_request_id) WHERE merchant_request_id <> '';
CREATE INDEX deposits_receipt ON deposits (receipt) WHERE receipt <> '';
CREATE INDEX deposits_reference ON deposits (reference);
CREATE INDEX deposits_phone ON deposits (phone, sent_at);
CREATE INDEX deposits_list ON deposits (shelf, created_at, seq);
CREATE INDEX deposits_conflict ON deposits (created_at) WHERE conflict <> '';
CREATE INDEX deposits_reversal ON deposits (created_at) WHERE reversal <> '';
CREATE INDEX deposits_twins ON deposits (phone, reference) WHERE reference <> '';

CREATE TABLE aliases (
    name    TEXT COLLATE "C" NOT NULL,
    deposit BIGINT NOT NULL REFERENCES deposits (seq),
    PRIMARY KEY (name, deposit)
);

CREATE SEQUENCE claims_seq MAXVALUE 34359738367;

CREATE TABLE claims (
    seq BIGINT PRIMARY KEY DEFAULT nextval('claims_seq'),
    deposit BIGINT NOT NULL REFERENCES deposits (seq),
    at BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    move BIGINT NOT NULL,
    delivery BIGINT,
    note TEXT COLLATE "C" NOT NULL
);

CREATE INDEX claims_deposit ON claims (deposit);

CREATE SEQUENCE kinds_seq MAXVALUE 34359738367;

CREATE TABLE kinds (
    id BIGINT PRIMARY KEY DEFAULT nextval('kinds_seq'),
    provider TEXT COLLATE "C" NOT NULL,
    route TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    duplicate BIGINT NOT NULL,
    UNIQUE (provider, route, event, verdict, status, duplicate)
);

CREATE SEQUENCE deliveries_seq MAXVALUE 34359738367;

CREATE TABLE deliveries (
    seq BIGINT PRIMARY KEY DEFAULT nextval('deliveries_seq'),
    kind BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    subject BIGINT NOT NULL,
    dedup BIGINT,
    deposit BIGINT,
    query BIGINT,
    duplicate_of BIGINT,
    move BIGINT NOT NULL,
    size BIGINT NOT NULL,
    provider_id TEXT COLLATE "C",
    reference TEXT COLLATE "C",
    receipt TEXT COLLATE "C",
    conversation_id TEXT COLLATE "C",
    amount BIGINT,
    currency TEXT COLLATE "C",
    occurred_at BIGINT,
    token TEXT COLLATE "C",
    method TEXT COLLATE "C",
    peer TEXT COLLATE "C",
    reason TEXT COLLATE "C",
    detail TEXT COLLATE "C",
    orphan TEXT COLLATE "C",
    wallet TEXT COLLATE "C",
    phone TEXT COLLATE "C",
    header TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    stored_at BIGINT NOT NULL DEFAULT CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS BIGINT)
);

-- stored_at is the server's clock; received_at is the listener's.
CREATE UNIQUE INDEX deliveries_same ON deliveries (subject, dedup);
CREATE INDEX deliveries_list ON deliveries (kind, received_at, seq);
CREATE INDEX deliveries_phone ON deliveries (phone, received_at) WHERE phone IS NOT NULL;

-- Numbers of kinds, shelves and targets are given in transactions of their own, which those
-- that use them do not see: nothing refers to them by a constraint.
-- Counts: each process that writes has rows of its own (writer), or all commits would
-- wait for each other. Who reads sees the sums.

CREATE TABLE daily_counts (
    writer BIGINT NOT NULL,
    day BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    n BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (writer, day, kind)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE VIEW daily AS SELECT day, kind, CAST(sum(n) AS BIGINT) AS n, CAST(sum(bytes) AS BIGINT) AS bytes FROM daily_counts GROUP BY day, kind;

CREATE TABLE dropped_counts (
    writer BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    n BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (writer, kind)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE VIEW dropped AS SELECT kind, CAST(sum(n) AS BIGINT) AS n, CAST(sum(bytes) AS BIGINT) AS bytes FROM dropped_counts GROUP BY kind;

CREATE VIEW stored AS
SELECT kind, CAST(sum(n) AS BIGINT) AS n, CAST(sum(bytes) AS BIGINT) AS bytes
FROM (SELECT kind, n, bytes FROM daily_counts UNION ALL SELECT kind, -n, -bytes FROM dropped_counts) AS moves
GROUP BY kind;

CREATE TABLE deposit_daily_counts (
    writer BIGINT NOT NULL,
    day BIGINT NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (writer, day, provider, environment, currency, status)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE VIEW deposit_daily AS SELECT day, provider, environment, currency, status, CAST(sum(n) AS BIGINT) AS n, CAST(sum(amount) AS BIGINT) AS amount FROM deposit_daily_counts GROUP BY day, provider, environment, currency, status;

CREATE TABLE settled_counts (
    writer BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    decided_by TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    bucket BIGINT NOT NULL,
    called BIGINT NOT NULL,
    n BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (writer, hour, provider, environment, currency, status, decided_by, code, bucket, called)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE VIEW settled AS SELECT hour, provider, environment, currency, status, decided_by, code, bucket, called, CAST(sum(n) AS BIGINT) AS n, CAST(sum(amount) AS BIGINT) AS amount FROM settled_counts GROUP BY hour, provider, environment, currency, status, decided_by, code, bucket, called;

CREATE TABLE wallet_hourly_counts (
    writer BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    direction TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (writer, hour, provider, currency, status, direction)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE VIEW wallet_hourly AS SELECT hour, provider, currency, status, direction, CAST(sum(n) AS BIGINT) AS n, CAST(sum(amount) AS BIGINT) AS amount FROM wallet_hourly_counts GROUP BY hour, provider, currency, status, direction;

CREATE TABLE attempt_daily_counts (
    writer BIGINT NOT NULL,
    day BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (writer, day, taken)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE VIEW attempt_daily AS SELECT day, taken, CAST(sum(n) AS BIGINT) AS n FROM attempt_daily_counts GROUP BY day, taken;

CREATE SEQUENCE queries_seq MAXVALUE 34359738367;

CREATE TABLE queries (
    seq BIGINT PRIMARY KEY DEFAULT nextval('queries_seq'),
    kind TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    deposit BIGINT,
    receipt TEXT COLLATE "C" NOT NULL,
    original_conversation_id TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    token TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL,
    originator_conversation_id TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL,
    delivery BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    answered_at BIGINT
);

CREATE INDEX queries_deposit ON queries (deposit) WHERE deposit IS NOT NULL;
CREATE UNIQUE INDEX queries_token ON queries (token) WHERE token <> '';
CREATE INDEX queries_conversation ON queries (conversation_id) WHERE conversation_id <> '';
CREATE INDEX queries_originator ON queries (originator_conversation_id) WHERE originator_conversation_id <> '';
CREATE INDEX queries_receipt ON queries (receipt) WHERE receipt <> '';

CREATE SEQUENCE wallet_transactions_seq MAXVALUE 34359738367;

CREATE TABLE wallet_transactions (
    seq BIGINT PRIMARY KEY DEFAULT nextval('wallet_transactions_seq'),
    provider TEXT COLLATE "C" NOT NULL,
    wallet TEXT COLLATE "C" NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    amount BIGINT,
    currency TEXT COLLATE "C" NOT NULL,
    conflict TEXT COLLATE "C" NOT NULL,
    delivery BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    direction TEXT COLLATE "C" NOT NULL DEFAULT ''
);

CREATE UNIQUE INDEX wallet_transactions_id ON wallet_transactions (transaction_id, wallet, provider);
CREATE INDEX wallet_transactions_created ON wallet_transactions (created_at);

CREATE TABLE slots (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    next_at    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE SEQUENCE targets_seq MAXVALUE 34359738367;

CREATE TABLE targets (
    id BIGINT PRIMARY KEY DEFAULT nextval('targets_seq'),
    url TEXT COLLATE "C" NOT NULL UNIQUE
);

CREATE SEQUENCE forwards_seq MAXVALUE 34359738367;

CREATE TABLE forwards (
    seq BIGINT PRIMARY KEY DEFAULT nextval('forwards_seq'),
    delivery BIGINT NOT NULL,
    target BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    subject BIGINT NOT NULL DEFAULT 0,
    lease BIGINT NOT NULL DEFAULT 0,
    refusals BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

CREATE UNIQUE INDEX forwards_delivery ON forwards (delivery, target);
CREATE INDEX forwards_due ON forwards (state, target, due_at);
CREATE INDEX forwards_line ON forwards (target, subject, created_at) WHERE state = 'waiting';

CREATE SEQUENCE runs_seq MAXVALUE 34359738367;

CREATE TABLE runs (
    seq BIGINT PRIMARY KEY DEFAULT nextval('runs_seq'),
    spec TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);

CREATE SEQUENCE attempts_seq MAXVALUE 34359738367;

CREATE TABLE attempts (
    seq BIGINT PRIMARY KEY DEFAULT nextval('attempts_seq'),
    delivery BIGINT NOT NULL,
    target BIGINT NOT NULL,
    run BIGINT,
    at BIGINT NOT NULL,
    status BIGINT NOT NULL,
    latency BIGINT NOT NULL,
    error TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);

CREATE INDEX attempts_delivery ON attempts (delivery);
CREATE INDEX attempts_run ON attempts (run, delivery, target) WHERE run IS NOT NULL;

CREATE TABLE failing (
    seq         BIGINT NOT NULL,
    target      BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (seq, target)
);

CREATE INDEX failing_list ON failing (received_at, seq);

CREATE TABLE actions (
    seq     BIGINT PRIMARY KEY,
    at      BIGINT NOT NULL,
    who     TEXT COLLATE "C" NOT NULL,
    host    TEXT COLLATE "C" NOT NULL,
    what    TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    because TEXT COLLATE "C" NOT NULL,
    hash    TEXT COLLATE "C" NOT NULL
);

CREATE INDEX actions_subject ON actions (subject) WHERE subject <> '';

-- Who may do for now what only one may do at a time, until when by the server's clock;
-- fence rises with every change of hands.
CREATE TABLE leases (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    until BIGINT NOT NULL,
    fence BIGINT NOT NULL
);

INSERT INTO meta (name, value) VALUES ('schema_min', '11');
