-- What messages said before they were edited; the newest text is in messages.
CREATE TABLE message_revisions (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    -- 1 is what was written first.
    revision INTEGER NOT NULL,
    content TEXT NOT NULL,
    html TEXT NOT NULL,
    -- Since when the message said this.
    edited_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, revision)
);
