-- The sessions that other nodes granted to members of this one, to be ended with their sign-in here.
-- No tokens: a session is ended by its id.
CREATE TABLE visits (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL,
    -- The sign-in here that it was opened by; its row may be gone before this one.
    session_id TEXT NOT NULL,
    -- The origin of the other node.
    issuer TEXT NOT NULL,
    -- What the other node calls the session.
    granted_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- Since when the other node is to end it.
    ended_at BIGINT,
    -- When it is told next.
    retry_at BIGINT NOT NULL
);
CREATE INDEX visits_user_id_id_idx ON visits (user_id, id);
CREATE INDEX visits_session_id_idx ON visits (session_id);
CREATE INDEX visits_expires_at_idx ON visits (expires_at);
CREATE INDEX visits_retry_at_idx ON visits (retry_at) WHERE ended_at IS NOT NULL;
