-- Copies to play, for formats that browsers do not: beside the source in the store, and gone with it.

-- none: the source plays as it is, or nobody knows yet. failed: there will be none; the source may play somewhere.
ALTER TABLE upload ADD COLUMN preview_state TEXT NOT NULL DEFAULT 'none'
    CHECK (preview_state IN ('none', 'making', 'ready', 'failed'));
-- What the copy was made lower by, in dB, because the source goes beyond full scale; the player gives it back.
ALTER TABLE upload ADD COLUMN preview_attenuation_db DOUBLE PRECISION NOT NULL DEFAULT 0;
