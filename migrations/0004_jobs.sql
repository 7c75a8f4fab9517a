-- Work behind the pages.

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
    -- How often a worker took it and did not come back.
    deaths       BIGINT NOT NULL DEFAULT 0,
    max_attempts BIGINT NOT NULL,
    run_at       BIGINT NOT NULL,
    -- Held while it is running, and by a dead one until what follows its death was done (`finished_at` is set then).
    lease_token  TEXT,
    lease_until  BIGINT,
    last_error   TEXT,
    -- When it was taken last: the account that was served longest ago is next.
    claimed_at   BIGINT,
    -- Whose work it is, so that it goes with the account.
    account_id   TEXT   REFERENCES account (id) ON DELETE CASCADE,
    created_at   BIGINT NOT NULL,
    finished_at  BIGINT
);
CREATE INDEX job_due ON job (queue, state, run_at, id);
CREATE INDEX job_lapsed ON job (queue, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX job_finished ON job (state, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX job_of_account ON job (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX job_served ON job (queue, account_id, claimed_at) WHERE account_id IS NOT NULL;
CREATE INDEX job_running ON job (queue, account_id) WHERE state = 'running';

-- Which object store of its own the installation has; one row, where it has one.
CREATE TABLE installation (
    id           TEXT   NOT NULL PRIMARY KEY CHECK (id = 'storage'),
    -- SHA-256 of the id of its key, hex.
    storage_hash TEXT   NOT NULL,
    joined_at    BIGINT NOT NULL
);

-- The last slot that each periodic job ran in; claimed by compare-and-set, so that it runs once across all processes.
CREATE TABLE cron (
    name TEXT   NOT NULL PRIMARY KEY,
    slot BIGINT NOT NULL
);
