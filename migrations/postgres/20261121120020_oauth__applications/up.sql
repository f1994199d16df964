-- Applications that act for members (RFC 7591); one without a secret is public.
CREATE TABLE applications (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    -- A JSON array of URLs.
    redirect_uris TEXT NOT NULL,
    scopes TEXT NOT NULL,
    secret_hash BYTEA,
    auth_method TEXT NOT NULL
        CHECK (auth_method IN ('none', 'client_secret_basic', 'client_secret_post')),
    website TEXT,
    created_at BIGINT NOT NULL,
    -- When a member first let it in; one that nobody lets in goes away.
    used_at BIGINT
);
CREATE INDEX applications_created_at_idx ON applications (created_at) WHERE used_at IS NULL;

-- What a member agreed to, until the application fetches its tokens; codes by SHA-256.
CREATE TABLE authorization_codes (
    code_hash BYTEA NOT NULL PRIMARY KEY,
    -- The page that asked, so that it counts once.
    request_hash BYTEA NOT NULL,
    application_id TEXT NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    scopes TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    -- What the code gave, to be ended when it comes again.
    session_id TEXT REFERENCES sessions (id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX authorization_codes_request_hash_idx ON authorization_codes (request_hash);
CREATE INDEX authorization_codes_expires_at_idx ON authorization_codes (expires_at);
CREATE INDEX authorization_codes_application_id_idx ON authorization_codes (application_id);
CREATE INDEX authorization_codes_user_id_idx ON authorization_codes (user_id);
CREATE INDEX authorization_codes_session_id_idx ON authorization_codes (session_id);
