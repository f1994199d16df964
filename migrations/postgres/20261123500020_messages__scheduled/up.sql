-- Messages that are to be sent later.
CREATE TABLE scheduled_messages (
    id TEXT NOT NULL PRIMARY KEY,
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    author_id TEXT NOT NULL REFERENCES users (id),
    content TEXT NOT NULL,
    reply_to TEXT,
    send_at BIGINT NOT NULL,
    -- A message that was sent has no row any more.
    state TEXT NOT NULL CHECK (state IN ('pending', 'failed')),
    -- Why it was not sent.
    failure TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX scheduled_messages_send_at_idx ON scheduled_messages (send_at) WHERE state = 'pending';
CREATE INDEX scheduled_messages_author_id_id_idx ON scheduled_messages (author_id, id);
CREATE INDEX scheduled_messages_channel_id_author_id_id_idx
    ON scheduled_messages (channel_id, author_id, id);
