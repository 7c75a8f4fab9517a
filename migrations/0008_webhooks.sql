-- Webhooks: who is told of what, what happened, and what was sent.

CREATE TABLE webhook_endpoint (
    id              TEXT   NOT NULL PRIMARY KEY,
    account_id      TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    url             TEXT   NOT NULL,
    description     TEXT   NOT NULL,
    -- Types of events, with a space between.
    events          TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('active', 'paused', 'disabled')),
    disabled_reason TEXT   CHECK (disabled_reason IN ('gone', 'failing')),
    -- SHA-256 of the secret, which is the key of the signatures, sealed with the key of the installation.
    secret_sealed   TEXT   NOT NULL,
    -- The last characters of the secret.
    secret_hint     TEXT   NOT NULL,
    -- The secret before the last rotation, which signs as well until then.
    previous_sealed TEXT,
    previous_until  BIGINT,
    -- The first attempt that failed since one worked.
    failing_since   BIGINT,
    created_at      BIGINT NOT NULL
);
CREATE INDEX webhook_endpoint_of_account ON webhook_endpoint (account_id);

-- What happened, written in the transaction in which it did. A ping is about nothing.
CREATE TABLE webhook_event (
    id          TEXT   NOT NULL PRIMARY KEY,
    account_id  TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    event_type  TEXT   NOT NULL CHECK (event_type IN
        ('analysis.complete', 'analysis.failed', 'render.complete', 'render.failed', 'audio.deleted', 'ping')),
    object_kind TEXT   CHECK (object_kind IN ('analysis', 'render')),
    object_id   TEXT,
    created_at  BIGINT NOT NULL
);
CREATE INDEX webhook_event_of_account ON webhook_event (account_id, id);
CREATE INDEX webhook_event_expired ON webhook_event (created_at);

-- An event on its way to an endpoint.
CREATE TABLE webhook_delivery (
    id              TEXT   NOT NULL PRIMARY KEY,
    account_id      TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    endpoint_id     TEXT   NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    event_id        TEXT   NOT NULL REFERENCES webhook_event (id) ON DELETE CASCADE,
    state           TEXT   NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
    -- Attempts of the present round; sent by hand once more, it begins a new one.
    attempts        BIGINT NOT NULL,
    -- There while it waits.
    next_attempt_at BIGINT,
    created_at      BIGINT NOT NULL,
    UNIQUE (event_id, endpoint_id)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_attempt_at) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_of_endpoint ON webhook_delivery (endpoint_id, id);
CREATE INDEX webhook_delivery_of_account ON webhook_delivery (account_id, id);

-- One request to an endpoint, and what came back.
CREATE TABLE webhook_attempt (
    id          TEXT   NOT NULL PRIMARY KEY,
    account_id  TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    delivery_id TEXT   NOT NULL REFERENCES webhook_delivery (id) ON DELETE CASCADE,
    started_at  BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    -- Of the answer, where there was one.
    status      BIGINT,
    -- There when it failed.
    failure     TEXT   CHECK (failure IN
        ('status', 'redirect', 'gone', 'timeout', 'dns', 'blocked', 'connection', 'tls', 'secret')),
    -- The first 1,024 bytes of the answer, as text.
    response    TEXT
);
CREATE INDEX webhook_attempt_of_delivery ON webhook_attempt (delivery_id, id);
CREATE INDEX webhook_attempt_of_account ON webhook_attempt (account_id, id);
