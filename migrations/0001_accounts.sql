-- Accounts, and the ways into them. The rules for this SQL are in README.md beside this file.

CREATE TABLE account (
    id                TEXT   NOT NULL PRIMARY KEY,
    -- As it was typed; `email_key` is what is unique and looked up.
    email             TEXT   NOT NULL,
    email_key         TEXT   NOT NULL UNIQUE,
    display_name      TEXT   NOT NULL,
    -- PHC string of argon2id.
    password_hash     TEXT   NOT NULL,
    plan              TEXT   NOT NULL CHECK (plan IN ('free', 'pro', 'studio')),
    -- When the person confirmed to be 13 or older and accepted the terms of this version.
    terms_accepted_at BIGINT NOT NULL,
    terms_version     TEXT   NOT NULL,
    created_at        BIGINT NOT NULL,
    -- Set when its deletion has begun: nobody gets in, name and address are gone, and the rest goes a few rows at a time.
    closed_at         BIGINT
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
CREATE INDEX sign_up_expired ON sign_up (expires_at);

CREATE TABLE session (
    id           TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- SHA-256 of the token in the cookie, hex. The token itself is nowhere.
    token_hash   TEXT   NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    -- When the password was last entered in this session; what is dangerous asks for it again after a while.
    confirmed_at BIGINT NOT NULL,
    -- The hash of the token before the last renewal, and until when it is taken: a form may be sent twice.
    former_hash  TEXT,
    former_until BIGINT
);
CREATE INDEX session_of_account ON session (account_id);
CREATE INDEX session_by_former_hash ON session (former_hash) WHERE former_hash IS NOT NULL;

-- Wrong passwords and codes, by a keyed hash of what they are counted by: a session, a browser that is known, or an address,
-- whether it has an account or not.
CREATE TABLE sign_in_throttle (
    subject_hash  TEXT   NOT NULL PRIMARY KEY,
    -- Where it is one person's own count.
    account_id    TEXT   REFERENCES account (id) ON DELETE CASCADE,
    failures      BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX sign_in_throttle_of_account ON sign_in_throttle (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX sign_in_throttle_expired ON sign_in_throttle (updated_at);

-- What was done to get into an account, and to its ways in, for its owner to read. Who did it from where is not known.
CREATE TABLE security_event (
    id         TEXT   NOT NULL PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind       TEXT   NOT NULL CHECK (kind IN ('signed_in', 'wrong_password', 'wrong_code', 'password_changed', 'second_factor_on',
        'second_factor_off', 'new_recovery_codes', 'address_changed', 'token_created', 'token_revoked', 'signed_out_by_operator')),
    created_at BIGINT NOT NULL
);
CREATE INDEX security_event_of_account ON security_event (account_id, created_at);
CREATE INDEX security_event_expired ON security_event (created_at);

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
    expires_at   BIGINT NOT NULL,
    -- Kept until it expires, so that a form that is sent twice is known for what it is.
    used_at      BIGINT
);
CREATE INDEX password_reset_of_subject ON password_reset (subject_hash, created_at);
CREATE INDEX password_reset_of_account ON password_reset (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX password_reset_expired ON password_reset (expires_at);

-- A new address that waits for its confirmation; once that is done, kept until an email to the old address was sent.
CREATE TABLE email_change (
    id         TEXT   NOT NULL PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    old_email  TEXT   NOT NULL,
    new_email  TEXT   NOT NULL,
    token_hash TEXT   NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    done_at    BIGINT
);
CREATE INDEX email_change_of_account ON email_change (account_id, created_at);
CREATE INDEX email_change_expired ON email_change (expires_at);

CREATE TABLE second_factor (
    account_id       TEXT   NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    -- The shared secret of RFC 6238, encrypted with a key that follows from the installation's secret key.
    encrypted_secret TEXT   NOT NULL,
    -- The last time step whose code was used: none before it, nor it, is taken again.
    last_step        BIGINT NOT NULL,
    -- Keyed hash of the last code that was taken and the form that it came with, which may be sent twice.
    answer_hash      TEXT,
    answered_at      BIGINT,
    created_at       BIGINT NOT NULL,
    -- Set by the first code; until then nothing is asked for at sign-in.
    confirmed_at     BIGINT
);

-- Each opens the account once, in place of a code.
CREATE TABLE recovery_code (
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- Keyed hash of the code.
    code_hash  TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, code_hash)
);

-- How a program acts for a person.
CREATE TABLE api_token (
    id            TEXT   NOT NULL PRIMARY KEY,
    account_id    TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name          TEXT   NOT NULL,
    -- A test token reaches the sample and nothing of the person's.
    kind          TEXT   NOT NULL CHECK (kind IN ('live', 'test')),
    -- What it may do, with a space between.
    scopes        TEXT   NOT NULL,
    -- SHA-256 of the token, hex. The token itself is nowhere (P28).
    token_hash    TEXT   NOT NULL UNIQUE,
    -- Its last characters, by which people tell their tokens apart.
    hint          TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    -- The first moment of the day of its last use.
    last_used_day BIGINT
);
CREATE INDEX api_token_of_account ON api_token (account_id, id);
CREATE INDEX api_token_expired ON api_token (expires_at);
