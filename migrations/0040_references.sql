-- References to compare mixes with (P05): measured like a mix, never judged, kept as a profile after their audio is gone.

-- What the upload was for, copied from it so that the history and the references are each one walk along an index.
ALTER TABLE analysis ADD COLUMN kind TEXT NOT NULL DEFAULT 'mix' CHECK (kind IN ('mix', 'reference'));
CREATE INDEX analysis_of_kind ON analysis (account_id, kind, id);

-- Which references a person compares a mix with.
CREATE TABLE comparison (
    analysis_id  TEXT   NOT NULL REFERENCES analysis (id) ON DELETE CASCADE,
    reference_id TEXT   NOT NULL REFERENCES analysis (id) ON DELETE CASCADE,
    added_at     BIGINT NOT NULL,
    PRIMARY KEY (analysis_id, reference_id)
);
CREATE INDEX comparison_of_reference ON comparison (reference_id);

-- References are counted by themselves: they take nothing from the analyses of a month.
ALTER TABLE usage ADD COLUMN reference_files BIGINT NOT NULL DEFAULT 0;
