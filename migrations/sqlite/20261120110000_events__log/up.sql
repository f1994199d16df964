-- The log that the gateway reads: one row per thing a client is told, numbered in commit order.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    topic TEXT NOT NULL,
    op TEXT NOT NULL,
    effect TEXT,
    subject TEXT,
    data TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX events_topic_seq_idx ON events (topic, seq);
CREATE INDEX events_subject_idx ON events (subject) WHERE subject IS NOT NULL;
