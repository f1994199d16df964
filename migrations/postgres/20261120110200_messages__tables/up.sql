-- Messages. A deleted one stays as a tombstone: no content, `deleted_at` set, its `uri` taken.
CREATE TABLE messages (
    id TEXT NOT NULL PRIMARY KEY,
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    author_id TEXT NOT NULL REFERENCES users (id),
    uri TEXT NOT NULL,
    content TEXT NOT NULL,
    html TEXT NOT NULL,
    reply_to TEXT REFERENCES messages (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    deleted_at BIGINT,
    origin_updated_at BIGINT
);
CREATE UNIQUE INDEX messages_uri_idx ON messages (uri);
CREATE UNIQUE INDEX messages_channel_id_seq_idx ON messages (channel_id, seq);
CREATE INDEX messages_reply_to_idx ON messages (reply_to) WHERE reply_to IS NOT NULL;

-- What became of the latest activity about a message, per remote recipient.
CREATE TABLE message_recipients (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    activity_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'delivered', 'failed')),
    reason TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, user_id)
);

-- Remote objects whose Delete came before they did: a later Create by the same actor is dropped.
CREATE TABLE message_tombstones (
    uri TEXT NOT NULL,
    actor_uri TEXT NOT NULL,
    deleted_at BIGINT NOT NULL,
    PRIMARY KEY (uri, actor_uri)
);
CREATE INDEX message_tombstones_deleted_at_idx ON message_tombstones (deleted_at);
