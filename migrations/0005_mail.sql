-- Which emails a person wants, and newsletters.

-- What a person wants of the notifications that can be unsubscribed from. No row is the default of the kind.
CREATE TABLE email_preference (
    account_id TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind       TEXT    NOT NULL CHECK (kind IN ('analysis_ready', 'render_ready', 'marketing')),
    wanted     BOOLEAN NOT NULL,
    changed_at BIGINT  NOT NULL,
    PRIMARY KEY (account_id, kind)
);

-- Every consent to marketing email that was given or withdrawn, with the words that the person saw. Only added to.
CREATE TABLE email_consent (
    id         TEXT    NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    granted    BOOLEAN NOT NULL,
    wording    TEXT    NOT NULL,
    decided_at BIGINT  NOT NULL
);
CREATE INDEX email_consent_of_account ON email_consent (account_id, decided_at);

-- News that the operator has sent; `id` is the hash of the text, so that the same is not sent twice.
CREATE TABLE newsletter (
    id         TEXT   NOT NULL PRIMARY KEY,
    subject    TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- Who was sent which, so that nobody gets it twice.
CREATE TABLE newsletter_delivery (
    account_id    TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    newsletter_id TEXT   NOT NULL REFERENCES newsletter (id) ON DELETE CASCADE,
    sent_at       BIGINT NOT NULL,
    PRIMARY KEY (account_id, newsletter_id)
);
