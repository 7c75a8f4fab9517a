-- Requests of programs.

-- A request with an Idempotency-Key. `id` is the right to do it, and changes when another request takes over.
CREATE TABLE idempotency_key (
    id            TEXT   NOT NULL PRIMARY KEY,
    account_id    TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    request_key   TEXT   NOT NULL,
    -- SHA-256 of method, address and body, hex.
    request_hash  TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    -- Until when the request that claimed it last is waited for.
    claimed_until BIGINT NOT NULL,
    -- The id of what came of it, written in the transaction that made it.
    resource      TEXT,
    UNIQUE (account_id, request_key)
);
CREATE INDEX idempotency_key_expired ON idempotency_key (created_at);
