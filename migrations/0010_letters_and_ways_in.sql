-- What letters a person wants, the ways back into an account, and the second factor.

-- When the password was last entered in this session; what is dangerous asks for it again after a while.
ALTER TABLE session ADD COLUMN confirmed_at BIGINT NOT NULL DEFAULT 0;

-- A forgotten password. Made for every address that is asked for, so that the answer takes as long for an unknown one.
CREATE TABLE password_reset (
    id           TEXT   NOT NULL PRIMARY KEY,
    -- Keyed hash of the address, by which requests are counted.
    subject_hash TEXT   NOT NULL,
    -- Nobody's, where the address has no account.
    account_id   TEXT   REFERENCES account (id) ON DELETE CASCADE,
    -- SHA-256 of the token in the link, hex.
    token_hash   TEXT   NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX password_reset_of_subject ON password_reset (subject_hash, created_at);
CREATE INDEX password_reset_of_account ON password_reset (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX password_reset_due ON password_reset (expires_at);

-- A new address that waits for its confirmation; once that is done, kept until the old address was told.
CREATE TABLE email_change (
    id            TEXT   NOT NULL PRIMARY KEY,
    account_id    TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    old_email     TEXT   NOT NULL,
    new_email     TEXT   NOT NULL,
    token_hash    TEXT   NOT NULL UNIQUE,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    done_at       BIGINT
);
CREATE INDEX email_change_of_account ON email_change (account_id, created_at);
CREATE INDEX email_change_due ON email_change (expires_at);

CREATE TABLE second_factor (
    account_id    TEXT   NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    -- The shared secret of RFC 6238, sealed with a key that follows from the installation's secret key.
    sealed_secret TEXT   NOT NULL,
    -- The last time step whose code was used: none before it, nor it, is taken again.
    last_step     BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    -- Set by the first code; until then nothing is asked for at sign-in.
    confirmed_at  BIGINT
);

-- Each opens the account once, in place of a code.
CREATE TABLE recovery_code (
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- Keyed hash of the code.
    code_hash  TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, code_hash)
);

-- What letters that may be declined a person wants. No row is the default of the kind.
CREATE TABLE email_preference (
    account_id TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind       TEXT    NOT NULL CHECK (kind IN ('analysis_ready', 'marketing')),
    wanted     BOOLEAN NOT NULL,
    changed_at BIGINT  NOT NULL,
    PRIMARY KEY (account_id, kind)
);

-- Every consent to marketing letters that was given or withdrawn, with the words that the person saw. Only added to.
CREATE TABLE email_consent (
    id         TEXT    NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    given      BOOLEAN NOT NULL,
    wording    TEXT    NOT NULL,
    at         BIGINT  NOT NULL
);
CREATE INDEX email_consent_of_account ON email_consent (account_id, at);
