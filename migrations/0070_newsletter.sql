-- News that the operator has sent; `id` is the hash of the text, so that the same is not sent twice.
CREATE TABLE newsletter (
    id         TEXT   NOT NULL PRIMARY KEY,
    subject    TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- Who was sent which, so that nobody gets it twice.
CREATE TABLE newsletter_notice (
    account_id    TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    newsletter_id TEXT   NOT NULL REFERENCES newsletter (id) ON DELETE CASCADE,
    told_at       BIGINT NOT NULL,
    PRIMARY KEY (account_id, newsletter_id)
);
