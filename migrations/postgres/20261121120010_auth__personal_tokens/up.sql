-- Tokens that members make for their bots, by SHA-256; the session of a token says what it may do.
CREATE TABLE personal_tokens (
    session_id TEXT NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    token_hash BYTEA NOT NULL,
    name TEXT NOT NULL
);
CREATE UNIQUE INDEX personal_tokens_token_hash_idx ON personal_tokens (token_hash);
