-- Songs, analyses, verdicts, what a mix is compared with, and renders of it.

-- Versions of one song, put together by the person.
CREATE TABLE song (
    id         TEXT   NOT NULL PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT   NOT NULL,
    -- The title as it is compared and sorted by.
    title_key  TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX song_of_account ON song (account_id, id);
CREATE UNIQUE INDEX song_by_title ON song (account_id, title_key);

CREATE TABLE analysis (
    id              TEXT    NOT NULL PRIMARY KEY,
    account_id      TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    upload_id       TEXT    NOT NULL UNIQUE REFERENCES upload (id) ON DELETE CASCADE,
    -- What the upload was for, copied from it so that the history and the references are each one walk along an index.
    kind            TEXT    NOT NULL DEFAULT 'mix' CHECK (kind IN ('mix', 'reference')),
    title           TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    phase           TEXT    NOT NULL CHECK (phase IN ('waiting', 'fetching', 'measuring', 'saving')),
    percent         BIGINT  NOT NULL,
    -- Set while our side is in trouble and the job will be tried again.
    status_message  TEXT,
    created_at      BIGINT  NOT NULL,
    finished_at     BIGINT,
    engine          TEXT,
    -- As JSON with its version inside.
    failure         TEXT,
    -- Copies out of the report.
    duration_s      DOUBLE PRECISION,
    integrated_lufs DOUBLE PRECISION,
    -- The rule set of the newest verdict, and what the analysis counts as by it: detected, or chosen by the person.
    rule_set        TEXT,
    stage           TEXT    CHECK (stage IN ('mix', 'master')),
    stage_is_chosen BOOLEAN NOT NULL DEFAULT FALSE,
    score_tenths    BIGINT,
    standing        TEXT    CHECK (standing IN ('ready', 'close', 'needs_work', 'in_trouble')),
    -- The title of the first thing to fix.
    first_finding   TEXT,
    -- Since when it has ended without that its owner looked or was told; an e-mail is due for these and no others.
    unseen_since    BIGINT,
    song_id         TEXT    REFERENCES song (id) ON DELETE SET NULL,
    -- The person said that it is no version of what was suggested.
    song_declined   BOOLEAN NOT NULL DEFAULT FALSE,
    -- Made by the program from titles and names, because neither database folds letters beyond ASCII; '' until it has.
    title_key       TEXT    NOT NULL DEFAULT '',
    search_key      TEXT    NOT NULL DEFAULT '',
    -- The title without what marks a version.
    base_title      TEXT    NOT NULL DEFAULT '',
    -- Until when the audio is kept, copied from the upload so that no list reads that too; none where it is gone.
    audio_until     BIGINT,
    -- As JSON with its version inside. Last, because SQLite reads through it to whatever is behind it: some 40 pages.
    report          TEXT
);
-- UUIDv7 sorts by time, so that the id is the key of paging.
CREATE INDEX analysis_of_account ON analysis (account_id, id);
CREATE INDEX analysis_of_song ON analysis (song_id, id) WHERE song_id IS NOT NULL;
CREATE INDEX analysis_unseen ON analysis (unseen_since, account_id) WHERE unseen_since IS NOT NULL;
CREATE INDEX analysis_to_judge ON analysis (rule_set, id) WHERE report IS NOT NULL;
-- Versions of one song are about as long as each other: who might be one is a short stretch of this.
CREATE INDEX analysis_by_length ON analysis (account_id, duration_s, id, base_title, song_id, title) WHERE kind = 'mix';
-- What the program has not made keys for.
CREATE INDEX analysis_without_key ON analysis (id) WHERE title_key = '';

-- One walk for each order of the history. Whatever a filter asks for is in the index too, so that rows that are left out are
-- never read: in SQLite their reports would be read with them. A value that does not exist comes last in both directions.
CREATE INDEX history_by_time ON analysis (account_id, kind, id, state, stage, song_id, search_key);
CREATE INDEX history_by_title ON analysis (account_id, kind, title_key, id, state, stage, song_id, search_key);
CREATE INDEX history_by_best ON analysis (account_id, kind, COALESCE(score_tenths, -1), id, state, stage, song_id, search_key);
CREATE INDEX history_by_worst ON analysis (account_id, kind, COALESCE(score_tenths, 9999), id, state, stage, song_id, search_key);
CREATE INDEX history_by_loudest ON analysis (account_id, kind, COALESCE(integrated_lufs, -9999.0), id, state, stage, song_id, search_key);
CREATE INDEX history_by_quietest ON analysis (account_id, kind, COALESCE(integrated_lufs, 9999.0), id, state, stage, song_id, search_key);

-- One row for each rule set that judged an analysis: a new one is set beside the old, never over it.
CREATE TABLE verdict (
    analysis_id   TEXT   NOT NULL REFERENCES analysis (id) ON DELETE CASCADE,
    -- Copied from the analysis, so that what is held of a person is one walk along an index.
    account_id    TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    rule_set      TEXT   NOT NULL,
    -- Copies of the scores, in tenths of a point.
    mix_tenths    BIGINT NOT NULL,
    master_tenths BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    -- Both score breakdowns and the detected stage as JSON; last, as the report is.
    verdict       TEXT   NOT NULL,
    PRIMARY KEY (analysis_id, rule_set)
);
CREATE INDEX verdict_of_account ON verdict (account_id, analysis_id, rule_set);

-- Links by which whoever has them reads a report. The token of a link is its id with a signature, so that it is not kept.
CREATE TABLE share (
    id             TEXT    NOT NULL PRIMARY KEY,
    account_id     TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    analysis_id    TEXT    NOT NULL REFERENCES analysis (id) ON DELETE CASCADE,
    includes_audio BOOLEAN NOT NULL,
    created_at     BIGINT  NOT NULL,
    expires_at     BIGINT  NOT NULL
);
CREATE INDEX share_of_account ON share (account_id, id);
CREATE INDEX share_of_analysis ON share (analysis_id);
CREATE INDEX share_by_end ON share (expires_at);

-- Which references a person compares a mix with.
CREATE TABLE comparison (
    analysis_id  TEXT   NOT NULL REFERENCES analysis (id) ON DELETE CASCADE,
    reference_id TEXT   NOT NULL REFERENCES analysis (id) ON DELETE CASCADE,
    -- Copied from the mix, as that of a verdict.
    account_id   TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    added_at     BIGINT NOT NULL,
    PRIMARY KEY (analysis_id, reference_id)
);
CREATE INDEX comparison_of_account ON comparison (account_id, analysis_id, reference_id);
CREATE INDEX comparison_of_reference ON comparison (reference_id);

-- What was made of a mix by a recipe. Its audio lies beside the source in the store, and goes with it.
CREATE TABLE render (
    id               TEXT    NOT NULL PRIMARY KEY,
    account_id       TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    analysis_id      TEXT    NOT NULL REFERENCES analysis (id) ON DELETE CASCADE,
    state            TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    phase            TEXT    NOT NULL CHECK (phase IN ('waiting', 'fetching', 'rendering', 'saving')),
    percent          BIGINT  NOT NULL,
    -- Set while our side is in trouble and the job will be tried again.
    status_message   TEXT,
    -- SHA-256 of everything that the bytes depend on besides the source, hex: the same asked for twice is one render.
    recipe_hash      TEXT    NOT NULL,
    -- What was asked for, as JSON with its version inside; what became of it is in the proof.
    recipe           TEXT    NOT NULL,
    stage            TEXT    NOT NULL CHECK (stage IN ('mix', 'master')),
    -- Scores in tenths of a point: the source's, what the plan expected, the result's.
    before_tenths    BIGINT  NOT NULL,
    predicted_tenths BIGINT  NOT NULL,
    after_tenths     BIGINT,
    -- Proof and failure as JSON.
    proof            TEXT,
    failure          TEXT,
    size_bytes       BIGINT,
    -- Whether a copy to play lies beside it, because browsers do not play its format.
    has_preview      BOOLEAN NOT NULL DEFAULT FALSE,
    -- When it was counted in `usage`; a render that fails is given back to that month.
    taken_at         BIGINT  NOT NULL,
    -- When its page last asked how far it is.
    watched_at       BIGINT,
    created_at       BIGINT  NOT NULL,
    finished_at      BIGINT
);
CREATE UNIQUE INDEX render_by_recipe ON render (analysis_id, recipe_hash);
CREATE INDEX render_of_account ON render (account_id, id);

-- A step of a render as audio to hear: what it took away, and the render without it. Made when somebody asks for it, beside the
-- render in the store.
CREATE TABLE step_audio (
    render_id  TEXT   NOT NULL REFERENCES render (id) ON DELETE CASCADE,
    -- Its index among the steps of the proof.
    step       BIGINT NOT NULL,
    state      TEXT   NOT NULL CHECK (state IN ('making', 'ready', 'failed')),
    -- RMS of what it took away over all channels; none where that is nothing.
    level_dbfs DOUBLE PRECISION,
    -- How loud the render is without it, as JSON.
    bypass     TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (render_id, step)
);
