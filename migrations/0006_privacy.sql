-- What people may ask of us: an export of their data, its erasure, their choice about statistics; and what we publish.

-- An archive of everything held about a person (P15). Its object is a/<account>/exports/<id>.zip.
CREATE TABLE export (
    id           TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    state        TEXT   NOT NULL CHECK (state IN ('building', 'ready', 'failed', 'removed')),
    created_at   BIGINT NOT NULL,
    ready_at     BIGINT,
    -- A day after it was ready.
    delete_after BIGINT,
    size_bytes   BIGINT
);
CREATE INDEX export_of_account ON export (account_id, id);
CREATE INDEX export_expired ON export (state, delete_after);

-- An erasure on its way (P14). The account's rows are gone when this row appears; what is left to do is in its steps. At the
-- end it says only that there was one: `account_hash` finds the account in a backup that is restored.
CREATE TABLE erasure (
    id           TEXT   NOT NULL PRIMARY KEY,
    -- SHA-256 of the account's id, hex.
    account_hash TEXT   NOT NULL,
    origin       TEXT   NOT NULL CHECK (origin IN ('button', 'email', 'child', 'restored')),
    requested_at BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    finished_at  BIGINT,
    -- Until it is finished; then nothing.
    account_id   TEXT,
    email        TEXT
);
CREATE INDEX erasure_open ON erasure (finished_at, due_at);

-- What was deleted: SHA-256 of the id of an account or an analysis, hex. With it the deletions are done again on a backup that is
-- restored; kept as long as backups are.
CREATE TABLE deletion (
    hash       TEXT   NOT NULL PRIMARY KEY,
    deleted_at BIGINT NOT NULL
);
CREATE INDEX deletion_expired ON deletion (deleted_at);

-- A database that was restored from a backup serves nobody before its deletions were done again; one row.
CREATE TABLE restoration (
    id          TEXT   NOT NULL PRIMARY KEY CHECK (id = 'last'),
    restored_at BIGINT NOT NULL,
    replayed_at BIGINT
);

CREATE TABLE erasure_step (
    erasure_id TEXT   NOT NULL REFERENCES erasure (id) ON DELETE CASCADE,
    step       TEXT   NOT NULL,
    -- By what name the other side knows the person; nothing once the step is done.
    reference  TEXT,
    not_before BIGINT NOT NULL,
    done_at    BIGINT,
    PRIMARY KEY (erasure_id, step)
);

-- A request that came by email, from its arrival to its answer: 30 days. The account is forgotten with the account.
CREATE TABLE privacy_request (
    id          TEXT   NOT NULL PRIMARY KEY,
    kind        TEXT   NOT NULL CHECK (kind IN ('export', 'deletion', 'child')),
    account_id  TEXT   REFERENCES account (id) ON DELETE SET NULL,
    received_at BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    answered_at BIGINT
);
CREATE INDEX privacy_request_open ON privacy_request (answered_at, due_at);
CREATE INDEX privacy_request_of_account ON privacy_request (account_id) WHERE account_id IS NOT NULL;

-- What a person decided about optional cookies and statistics: what, when, under which policy; the newest row holds.
CREATE TABLE consent (
    id         TEXT    NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    purpose    TEXT    NOT NULL CHECK (purpose IN ('statistics')),
    granted    BOOLEAN NOT NULL,
    policy     TEXT    NOT NULL,
    decided_at BIGINT  NOT NULL
);
CREATE INDEX consent_of_account ON consent (account_id, id);

-- The published versions of terms, privacy policy and cookie page, which change together. A version is the day it holds from.
CREATE TABLE policy_version (
    version      TEXT    NOT NULL PRIMARY KEY,
    -- A material change is mailed to every account once (P19); any other only moves the date.
    material     BOOLEAN NOT NULL,
    summary      TEXT    NOT NULL,
    published_at BIGINT  NOT NULL
);
INSERT INTO policy_version (version, material, summary, published_at)
VALUES ('2026-11-24', FALSE, 'The first version.', 1795478400000);

-- Who was sent which version, so that nobody gets it twice.
CREATE TABLE policy_notification (
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    version    TEXT   NOT NULL REFERENCES policy_version (version) ON DELETE CASCADE,
    sent_at    BIGINT NOT NULL,
    PRIMARY KEY (account_id, version)
);
