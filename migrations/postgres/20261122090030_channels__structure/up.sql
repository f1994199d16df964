-- Channels of communities, beside direct conversations.
ALTER TABLE channels DROP CONSTRAINT channels_kind_check;
ALTER TABLE channels ADD CONSTRAINT channels_kind_check
    CHECK (kind IN ('dm', 'category', 'text', 'voice', 'announcement', 'thread'));
ALTER TABLE channels ADD COLUMN community_id TEXT REFERENCES communities (id);
-- The category of a channel, the channel of a thread.
ALTER TABLE channels ADD COLUMN parent_id TEXT REFERENCES channels (id);
ALTER TABLE channels ADD COLUMN topic TEXT;
ALTER TABLE channels ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN slow_mode_seconds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN is_private BOOLEAN NOT NULL DEFAULT FALSE;
-- The Group that the channel is for other nodes; NULL for conversations and categories.
ALTER TABLE channels ADD COLUMN actor_uri TEXT;
ALTER TABLE channels ADD COLUMN created_by TEXT;
ALTER TABLE channels ADD COLUMN archived_at BIGINT;
-- Gone for everybody; its rows are cleared away in small steps.
ALTER TABLE channels ADD COLUMN deleted_at BIGINT;
CREATE INDEX channels_community_id_idx ON channels (community_id) WHERE community_id IS NOT NULL;
CREATE INDEX channels_parent_id_idx ON channels (parent_id) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX channels_actor_uri_idx ON channels (actor_uri) WHERE actor_uri IS NOT NULL;
CREATE INDEX channels_deleted_at_idx ON channels (deleted_at) WHERE deleted_at IS NOT NULL;
