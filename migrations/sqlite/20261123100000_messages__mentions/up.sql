-- Whom a message mentions, in the order of its text.
CREATE TABLE message_mentions (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('user', 'role', 'everyone', 'here')),
    user_id TEXT REFERENCES users (id),
    role_id TEXT REFERENCES community_roles (id) ON DELETE CASCADE,
    -- How it is shown.
    text TEXT NOT NULL,
    PRIMARY KEY (message_id, place)
);
CREATE INDEX message_mentions_user_id_message_id_idx ON message_mentions (user_id, message_id)
    WHERE user_id IS NOT NULL;
CREATE INDEX message_mentions_role_id_idx ON message_mentions (role_id) WHERE role_id IS NOT NULL;
