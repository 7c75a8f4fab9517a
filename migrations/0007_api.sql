-- Requests of programs.

-- A request with an Idempotency-Key that was done; written in the transaction of its work.
CREATE TABLE idempotency_key (
    account_id    TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    request_key   TEXT   NOT NULL,
    -- SHA-256 of method, address and body, hex.
    request_hash  TEXT   NOT NULL,
    -- The id of what came of it.
    resource      TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (account_id, request_key)
);
CREATE INDEX idempotency_key_expired ON idempotency_key (created_at);
