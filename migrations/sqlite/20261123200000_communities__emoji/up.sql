-- Custom emoji of communities, with their pictures.
CREATE TABLE emoji (
    id TEXT NOT NULL PRIMARY KEY,
    community_id TEXT NOT NULL REFERENCES communities (id) ON DELETE CASCADE,
    -- Without the colons around it.
    shortcode TEXT NOT NULL,
    media_type TEXT NOT NULL
        CHECK (media_type IN ('image/png', 'image/gif', 'image/webp', 'image/jpeg')),
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    -- Not a reference, so that emoji outlive accounts.
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX emoji_community_id_shortcode_idx ON emoji (community_id, shortcode);
