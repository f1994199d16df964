-- Challenges that wait for their proof. A proof removes its row, and that decides.
CREATE TABLE node_challenges (
    id TEXT NOT NULL PRIMARY KEY,
    nonce TEXT NOT NULL,
    holder TEXT NOT NULL,
    subject TEXT,
    scopes TEXT NOT NULL,
    audience TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX node_challenges_holder_expires_at_idx ON node_challenges (holder, expires_at);
CREATE INDEX node_challenges_expires_at_idx ON node_challenges (expires_at);

-- Sessions granted to other nodes. Of the token there are its SHA-256 digest, and its first eight
-- characters for people. host is the holder's, in canonical spelling and without port. ended_at is
-- when it was revoked, or else when its time is over.
CREATE TABLE node_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    token_hash BLOB NOT NULL,
    token_hint TEXT NOT NULL,
    holder TEXT NOT NULL,
    host TEXT NOT NULL,
    subject TEXT,
    scopes TEXT NOT NULL,
    audience TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    ended_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX node_sessions_token_hash_idx ON node_sessions (token_hash);
CREATE INDEX node_sessions_holder_ended_at_idx ON node_sessions (holder, ended_at);
CREATE INDEX node_sessions_subject_ended_at_idx ON node_sessions (subject, ended_at)
    WHERE subject IS NOT NULL;
CREATE INDEX node_sessions_host_ended_at_idx ON node_sessions (host, ended_at);
CREATE INDEX node_sessions_ended_at_idx ON node_sessions (ended_at);
