-- What rules said of reports, songs that group versions, and what the history sorts and filters by.

-- One row for each rule set that judged an analysis: a new one is set beside the old, never over it.
CREATE TABLE verdict (
    analysis_id   TEXT   NOT NULL REFERENCES analysis (id) ON DELETE CASCADE,
    rule_set      TEXT   NOT NULL,
    -- Both receipts and the stage as JSON.
    verdict       TEXT   NOT NULL,
    -- Copies of the scores, in tenths of a point.
    mix_tenths    BIGINT NOT NULL,
    master_tenths BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (analysis_id, rule_set)
);

-- Versions of one song, put together by the person.
CREATE TABLE song (
    id         TEXT   NOT NULL PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX song_of_account ON song (account_id, id);

-- The rule set of the newest verdict, and what the analysis counts as by it: detected, or chosen by the person.
ALTER TABLE analysis ADD COLUMN rule_set TEXT;
ALTER TABLE analysis ADD COLUMN stage TEXT CHECK (stage IN ('mix', 'master'));
ALTER TABLE analysis ADD COLUMN stage_is_chosen BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE analysis ADD COLUMN score_tenths BIGINT;
ALTER TABLE analysis ADD COLUMN song_id TEXT REFERENCES song (id) ON DELETE SET NULL;
CREATE INDEX analysis_by_score ON analysis (account_id, score_tenths, id) WHERE score_tenths IS NOT NULL;
CREATE INDEX analysis_of_song ON analysis (song_id, id) WHERE song_id IS NOT NULL;
CREATE INDEX analysis_to_judge ON analysis (rule_set, id) WHERE report IS NOT NULL;
