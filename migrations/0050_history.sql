-- What the history is searched and sorted by, and what songs are found by.

-- Made by the program from titles and names, because neither database folds letters beyond ASCII; '' until it has.
ALTER TABLE analysis ADD COLUMN title_key TEXT NOT NULL DEFAULT '';
ALTER TABLE analysis ADD COLUMN search_key TEXT NOT NULL DEFAULT '';
-- The title without what marks a version.
ALTER TABLE analysis ADD COLUMN base_title TEXT NOT NULL DEFAULT '';
-- The person said that it is no version of what was suggested.
ALTER TABLE analysis ADD COLUMN song_declined BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE song ADD COLUMN title_key TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX song_by_title ON song (account_id, title_key) WHERE title_key <> '';

-- One walk for each order. Whatever a filter asks for is in the index too, so that rows that are left out are never read:
-- in SQLite their reports would be read with them. A value that does not exist comes last in both directions.
CREATE INDEX history_by_time ON analysis (account_id, kind, id, state, stage, song_id, search_key);
CREATE INDEX history_by_title ON analysis (account_id, kind, title_key, id, state, stage, song_id, search_key);
CREATE INDEX history_by_best ON analysis (account_id, kind, COALESCE(score_tenths, -1), id, state, stage, song_id, search_key);
CREATE INDEX history_by_worst ON analysis (account_id, kind, COALESCE(score_tenths, 9999), id, state, stage, song_id, search_key);
CREATE INDEX history_by_loudest ON analysis (account_id, kind, COALESCE(integrated_lufs, -9999.0), id, state, stage, song_id, search_key);
CREATE INDEX history_by_quietest ON analysis (account_id, kind, COALESCE(integrated_lufs, 9999.0), id, state, stage, song_id, search_key);
-- Each is the beginning of one above.
DROP INDEX analysis_of_kind;
DROP INDEX analysis_by_score;

-- Versions of one song are about as long as each other: who might be one is a short stretch of this.
CREATE INDEX analysis_by_length ON analysis (account_id, duration_s, id, base_title, song_id, title) WHERE kind = 'mix';
-- What the program has not made keys for.
CREATE INDEX analysis_without_key ON analysis (id) WHERE title_key = '';
