-- What members wrote lately where a rule looks for repetitions: no texts, their digests alone.
CREATE TABLE said_digests (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    author_id TEXT NOT NULL,
    -- In which community; NULL in conversations.
    community_id TEXT,
    -- SHA-256 of the folded text.
    digest BLOB NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX said_digests_author_id_digest_created_at_idx ON said_digests (author_id, digest, created_at);
CREATE INDEX said_digests_created_at_idx ON said_digests (created_at);
