-- Polls, each of one message.
CREATE TABLE polls (
    message_id TEXT NOT NULL PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    is_multiple BOOLEAN NOT NULL,
    -- Whether votes are counted here, and not told by another node.
    is_own BOOLEAN NOT NULL,
    ends_at BIGINT NOT NULL,
    -- Set once its end was told.
    ended_at BIGINT,
    voters BIGINT NOT NULL
);
CREATE INDEX polls_ends_at_idx ON polls (ends_at) WHERE ended_at IS NULL;

CREATE TABLE poll_options (
    message_id TEXT NOT NULL REFERENCES polls (message_id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    votes BIGINT NOT NULL,
    PRIMARY KEY (message_id, position)
);

CREATE TABLE poll_votes (
    message_id TEXT NOT NULL REFERENCES polls (message_id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    position INTEGER NOT NULL,
    PRIMARY KEY (message_id, user_id, position)
);
CREATE INDEX poll_votes_user_id_message_id_idx ON poll_votes (user_id, message_id);
