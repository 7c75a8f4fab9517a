-- Uploads, and what was used of the plan.

CREATE TABLE upload (
    id                     TEXT   NOT NULL PRIMARY KEY,
    account_id             TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- A mix is measured and judged; a reference is measured and compared with (P05).
    kind                   TEXT   NOT NULL CHECK (kind IN ('mix', 'reference')),
    state                  TEXT   NOT NULL CHECK (state IN ('pending', 'stored', 'removed')),
    file_name              TEXT   NOT NULL,
    size_bytes             BIGINT NOT NULL,
    media_type             TEXT   NOT NULL,
    -- The storage's id of an upload that comes in parts; none where the file comes whole.
    multipart_id           TEXT,
    created_at             BIGINT NOT NULL,
    stored_at              BIGINT,
    -- While it is pending: when it is given up. Fixed when it is stored, from the plan of that moment (P07, P08).
    delete_after           BIGINT,
    -- The preview is for formats that browsers do not play: beside the source in the store, and gone with it.
    -- none: the source plays as it is, or nobody knows yet. failed: there will be none; the source may play somewhere.
    preview_state          TEXT   NOT NULL DEFAULT 'none' CHECK (preview_state IN ('none', 'making', 'ready', 'failed')),
    -- What the preview was made lower by, in dB, because the source goes beyond full scale; the player gives it back.
    preview_attenuation_db DOUBLE PRECISION NOT NULL DEFAULT 0
);
CREATE INDEX upload_of_account ON upload (account_id, id);
CREATE INDEX upload_expired ON upload (state, delete_after);

-- Files by calendar month in UTC (202611); deleting an analysis gives nothing back. References take nothing from the analyses.
CREATE TABLE usage (
    account_id      TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    month           BIGINT NOT NULL,
    analyses        BIGINT NOT NULL,
    reference_files BIGINT NOT NULL,
    renders         BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, month)
);

-- The last look through the bucket for objects that no row knows; one row.
CREATE TABLE object_sweep (
    id          TEXT   NOT NULL PRIMARY KEY CHECK (id = 'last'),
    ended_at    BIGINT NOT NULL,
    objects     BIGINT NOT NULL,
    -- Those that no row knew, the removed ones included.
    without_row BIGINT NOT NULL,
    removed     BIGINT NOT NULL
);
