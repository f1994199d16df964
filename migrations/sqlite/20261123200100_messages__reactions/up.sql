-- Who put which emoji on which message.
CREATE TABLE message_reactions (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    -- The emoji itself, `:name:` of another node, or the id of a custom emoji of this one.
    emoji TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    -- Sorts by time.
    id TEXT NOT NULL,
    -- By which activity other nodes know it; NULL where they do not.
    activity_id TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, emoji, user_id)
);
CREATE UNIQUE INDEX message_reactions_message_id_emoji_id_idx
    ON message_reactions (message_id, emoji, id);
CREATE INDEX message_reactions_user_id_id_idx ON message_reactions (user_id, id);
CREATE INDEX message_reactions_user_id_activity_id_idx
    ON message_reactions (user_id, activity_id) WHERE activity_id IS NOT NULL;

-- What is shown of them with the message, so that showing it costs the same however many there are.
CREATE TABLE message_reaction_totals (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    emoji TEXT NOT NULL,
    -- How it is written; of a custom emoji, as it was when it was first used here.
    name TEXT NOT NULL,
    -- Not a reference: the reaction outlives the custom emoji.
    emoji_id TEXT,
    -- The id of the first reaction.
    since TEXT NOT NULL,
    count BIGINT NOT NULL,
    -- The ids of those who came first, as JSON.
    first_users TEXT NOT NULL,
    PRIMARY KEY (message_id, emoji)
);
