-- Conversations, and who takes part. `participants_key` names a set of people: one row per set.
CREATE TABLE channels (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('dm')),
    name TEXT,
    participants_key TEXT,
    next_seq BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX channels_participants_key_idx ON channels (participants_key);

CREATE TABLE channel_members (
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, user_id)
);
CREATE INDEX channel_members_user_id_channel_id_idx ON channel_members (user_id, channel_id);
