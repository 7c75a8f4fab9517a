-- Accounts, sessions, uploads, analyses, jobs. The rules for this SQL are in README.md beside this file.

CREATE TABLE account (
    id            TEXT   NOT NULL PRIMARY KEY,
    -- As it was typed; `email_key` (trimmed, lower case) is what is unique and looked up.
    email         TEXT   NOT NULL,
    email_key     TEXT   NOT NULL UNIQUE,
    display_name  TEXT   NOT NULL,
    -- PHC string of argon2id.
    password_hash TEXT   NOT NULL,
    plan          TEXT   NOT NULL CHECK (plan IN ('free', 'pro', 'studio')),
    -- When the person confirmed to be 13 or older and accepted the terms of this version.
    terms_at      BIGINT NOT NULL,
    terms_version TEXT   NOT NULL,
    created_at    BIGINT NOT NULL
);

-- A sign-up that waits for the confirmation of its address. Everything in it is forgotten when it expires.
CREATE TABLE sign_up (
    id            TEXT   NOT NULL PRIMARY KEY,
    email         TEXT   NOT NULL,
    email_key     TEXT   NOT NULL,
    display_name  TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,
    terms_version TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);
CREATE INDEX sign_up_of_address ON sign_up (email_key, created_at);
CREATE INDEX sign_up_due ON sign_up (expires_at);

CREATE TABLE session (
    id           TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- SHA-256 of the token in the cookie, hex. The token itself is nowhere.
    token_hash   TEXT   NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL
);
CREATE INDEX session_of_account ON session (account_id);

-- Failed sign-ins by a keyed hash of the address, whether it has an account or not.
CREATE TABLE sign_in_throttle (
    subject_hash TEXT   NOT NULL PRIMARY KEY,
    failures     BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);

CREATE TABLE upload (
    id           TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind         TEXT   NOT NULL CHECK (kind IN ('mix', 'reference')),
    state        TEXT   NOT NULL CHECK (state IN ('pending', 'stored', 'removed')),
    file_name    TEXT   NOT NULL,
    size_bytes   BIGINT NOT NULL,
    media_type   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    stored_at    BIGINT,
    -- Fixed when it is stored, from the plan of that moment (P07, P08).
    delete_after BIGINT
);
CREATE INDEX upload_of_account ON upload (account_id, id);
CREATE INDEX upload_due ON upload (state, delete_after);

CREATE TABLE analysis (
    id              TEXT   NOT NULL PRIMARY KEY,
    account_id      TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    upload_id       TEXT   NOT NULL UNIQUE REFERENCES upload (id) ON DELETE CASCADE,
    title           TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    phase           TEXT   NOT NULL CHECK (phase IN ('waiting', 'fetching', 'measuring', 'saving')),
    percent         BIGINT NOT NULL,
    -- Set while our side is in status_message and the job will be tried again.
    status_message         TEXT,
    created_at      BIGINT NOT NULL,
    finished_at     BIGINT,
    engine          TEXT,
    -- The report and the failure as JSON, each with its version inside.
    report          TEXT,
    failure         TEXT,
    -- Copies out of the report, for the history.
    duration_s      DOUBLE PRECISION,
    integrated_lufs DOUBLE PRECISION
);
-- UUIDv7 sorts by time, so that the id is the key of paging.
CREATE INDEX analysis_history ON analysis (account_id, id);

-- What was used of the plan, by calendar month in UTC (202611); deleting an analysis gives nothing back.
CREATE TABLE usage (
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    month      BIGINT NOT NULL,
    analyses   BIGINT NOT NULL,
    PRIMARY KEY (account_id, month)
);

CREATE TABLE job (
    id           TEXT   NOT NULL PRIMARY KEY,
    queue        TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    -- JSON; ids only, never personal data.
    payload      TEXT   NOT NULL,
    dedupe_key   TEXT   UNIQUE,
    state        TEXT   NOT NULL CHECK (state IN ('queued', 'running', 'done', 'dead')),
    -- Counted when it is claimed, before the work.
    attempts     BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    run_at       BIGINT NOT NULL,
    -- Held while it is running, and by a dead one until its death was told (`finished_at` is set then).
    lease_token  TEXT,
    lease_until  BIGINT,
    last_error   TEXT,
    -- Whose work it is, so that it goes with the account.
    account_id   TEXT   REFERENCES account (id) ON DELETE CASCADE,
    created_at   BIGINT NOT NULL,
    finished_at  BIGINT
);
CREATE INDEX job_due ON job (queue, state, run_at, id);
CREATE INDEX job_lapsed ON job (queue, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX job_finished ON job (state, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX job_of_account ON job (account_id) WHERE account_id IS NOT NULL;

-- The last slot that each periodic job ran in; claimed by compare-and-set, so that it runs once across all processes.
CREATE TABLE cron (
    name TEXT   NOT NULL PRIMARY KEY,
    slot BIGINT NOT NULL
);
