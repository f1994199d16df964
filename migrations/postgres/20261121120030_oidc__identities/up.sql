-- Who signs in by another issuer (OpenID Connect): the issuer and its name for the person.
CREATE TABLE external_identities (
    id TEXT NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    -- Tokens that the issuer made until then are refused.
    not_before BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX external_identities_issuer_subject_idx ON external_identities (issuer, subject);
CREATE INDEX external_identities_user_id_idx ON external_identities (user_id);

-- The session that stands for the access tokens of one person and client of the issuer.
CREATE TABLE external_sessions (
    identity_id TEXT NOT NULL REFERENCES external_identities (id) ON DELETE CASCADE,
    client TEXT NOT NULL,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    PRIMARY KEY (identity_id, client)
);
CREATE INDEX external_sessions_session_id_idx ON external_sessions (session_id);

-- Sign-ins that came back from the issuer, so that each counts once; by SHA-256. Who came is kept,
-- sealed, while something more is asked of them.
CREATE TABLE external_states (
    state_hash BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL,
    sealed_person BYTEA
);
CREATE INDEX external_states_expires_at_idx ON external_states (expires_at);
