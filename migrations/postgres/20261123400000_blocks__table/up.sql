-- Whom a member blocked, and whom they do not want to hear of.
CREATE TABLE user_blocks (
    user_id TEXT NOT NULL REFERENCES users (id),
    target_id TEXT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL CHECK (kind IN ('block', 'mute')),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, kind, target_id)
);
CREATE INDEX user_blocks_target_id_idx ON user_blocks (target_id);
