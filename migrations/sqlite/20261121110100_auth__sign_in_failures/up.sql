-- Passwords and codes that were tried in a row, to slow down whoever guesses.
CREATE TABLE sign_in_failures (
    -- Whose: a name by its SHA-256 (people type passwords into the wrong field), or an address.
    subject TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at BIGINT NOT NULL,
    -- Until when nothing more is tried; 0 when nothing is held back.
    blocked_until BIGINT NOT NULL
);
CREATE INDEX sign_in_failures_last_at_idx ON sign_in_failures (last_at);

-- Where members signed in from, by SHA-256 of name and network: strangers who guess do not lock
-- them out there.
CREATE TABLE sign_in_places (
    place_hash BLOB NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    last_at BIGINT NOT NULL
);
CREATE INDEX sign_in_places_user_id_last_at_idx ON sign_in_places (user_id, last_at);
CREATE INDEX sign_in_places_last_at_idx ON sign_in_places (last_at);
