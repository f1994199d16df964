-- What a forwarded message said when it was forwarded.
CREATE TABLE message_forwards (
    message_id TEXT NOT NULL PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    uri TEXT NOT NULL,
    author TEXT NOT NULL,
    content TEXT NOT NULL,
    html TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
