-- Messages that are pinned in their channels.
CREATE TABLE message_pins (
    message_id TEXT NOT NULL PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    -- Sorts by time.
    id TEXT NOT NULL,
    -- Not a reference, so that pins outlive accounts.
    pinned_by TEXT NOT NULL,
    pinned_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX message_pins_channel_id_id_idx ON message_pins (channel_id, id);
