-- Groups of more than two, from when on each sees what is said, and who hid a conversation.
ALTER TABLE channels ADD COLUMN is_group BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE channels SET is_group = TRUE WHERE kind = 'dm'
    AND (SELECT COUNT(*) FROM channel_members WHERE channel_members.channel_id = channels.id) > 2;
-- The first message that the person sees has this number or a larger one.
ALTER TABLE channel_members ADD COLUMN joined_seq BIGINT NOT NULL DEFAULT 0;
-- The person's list leaves the conversation out until its next number is larger.
ALTER TABLE channel_members ADD COLUMN hidden_seq BIGINT NOT NULL DEFAULT 0;

-- By which ids notes of other nodes name a group that began there.
CREATE TABLE channel_contexts (
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    property TEXT NOT NULL CHECK (property IN ('context', 'conversation')),
    uri TEXT NOT NULL,
    PRIMARY KEY (channel_id, property)
);
CREATE INDEX channel_contexts_uri_idx ON channel_contexts (uri);

-- Who left a group or was taken out: no note brings them back.
CREATE TABLE channel_departures (
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    left_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, user_id)
);
CREATE INDEX channel_departures_user_id_idx ON channel_departures (user_id);
