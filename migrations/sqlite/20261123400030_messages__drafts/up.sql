-- What a member has begun to write, one text in a channel.
CREATE TABLE message_drafts (
    user_id TEXT NOT NULL REFERENCES users (id),
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    content TEXT NOT NULL,
    reply_to TEXT REFERENCES messages (id) ON DELETE SET NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, channel_id)
);
CREATE INDEX message_drafts_channel_id_idx ON message_drafts (channel_id);
CREATE INDEX message_drafts_reply_to_idx ON message_drafts (reply_to) WHERE reply_to IS NOT NULL;
