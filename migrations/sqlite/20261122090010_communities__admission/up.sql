-- Who may not come back, and by what others come.
CREATE TABLE community_bans (
    community_id TEXT NOT NULL REFERENCES communities (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    reason TEXT NOT NULL,
    -- Not a reference, so that bans outlive accounts.
    banned_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL when it does not end by itself.
    expires_at BIGINT,
    PRIMARY KEY (community_id, user_id)
);
CREATE INDEX community_bans_user_id_idx ON community_bans (user_id);

CREATE TABLE community_invites (
    id TEXT NOT NULL PRIMARY KEY,
    community_id TEXT NOT NULL REFERENCES communities (id) ON DELETE CASCADE,
    -- SHA-256 of the code, which is shown once.
    code_hash BLOB NOT NULL,
    created_by TEXT NOT NULL,
    -- NULL when it may be used any number of times.
    max_uses INTEGER,
    uses INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL when it does not end by itself.
    expires_at BIGINT
);
CREATE UNIQUE INDEX community_invites_code_hash_idx ON community_invites (code_hash);
CREATE INDEX community_invites_community_id_id_idx ON community_invites (community_id, id);
