-- Archives of their own data that members asked for; each is good for a while.
CREATE TABLE exports (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When it was first read to its end.
    fetched_at BIGINT
);
CREATE INDEX exports_user_id_id_idx ON exports (user_id, id);
CREATE INDEX exports_expires_at_idx ON exports (expires_at);
