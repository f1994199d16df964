-- Actors of other nodes that follow a channel of this one, which is a Group for them.
CREATE TABLE group_followers (
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    -- The id of the Follow, which an answer names.
    activity_id TEXT NOT NULL,
    -- What their node is told: what members do, or what they made.
    form TEXT NOT NULL CHECK (form IN ('activity', 'object')),
    -- The shared inbox of their node where it has one.
    inbox TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, user_id)
);
CREATE INDEX group_followers_user_id_idx ON group_followers (user_id);
CREATE INDEX group_followers_channel_id_inbox_idx ON group_followers (channel_id, inbox);

-- Members of this node who asked to be in a channel of another one.
CREATE TABLE group_joins (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    group_uri TEXT NOT NULL,
    -- Its community as the other node names it.
    community_uri TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('asked', 'joined', 'refused')),
    -- The channel of this node that stands for it.
    channel_id TEXT REFERENCES channels (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX group_joins_user_id_group_uri_idx ON group_joins (user_id, group_uri);
CREATE INDEX group_joins_group_uri_idx ON group_joins (group_uri);
CREATE INDEX group_joins_channel_id_idx ON group_joins (channel_id);
