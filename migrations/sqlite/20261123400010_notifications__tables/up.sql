-- What a member is told of. A call to many people is one row of channel_calls, and becomes a row of a
-- member, with the id of the call, once that member has read or dismissed it.
CREATE TABLE notifications (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL CHECK (kind IN
        ('mention', 'reply', 'direct_message', 'everyone', 'role', 'follow', 'warning', 'time_out')),
    actor_id TEXT REFERENCES users (id),
    community_id TEXT REFERENCES communities (id) ON DELETE CASCADE,
    channel_id TEXT REFERENCES channels (id) ON DELETE CASCADE,
    message_id TEXT REFERENCES messages (id) ON DELETE CASCADE,
    -- The place of the message in its channel.
    seq BIGINT,
    -- Until when it holds, such as a time-out.
    ends_at BIGINT,
    created_at BIGINT NOT NULL,
    read_at BIGINT,
    -- Of a call: the member does not want to see it any more.
    dismissed_at BIGINT,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX notifications_user_id_channel_id_seq_idx ON notifications (user_id, channel_id, seq) WHERE read_at IS NULL;
CREATE UNIQUE INDEX notifications_message_id_user_id_idx ON notifications (message_id, user_id)
    WHERE message_id IS NOT NULL;
CREATE INDEX notifications_channel_id_idx ON notifications (channel_id) WHERE channel_id IS NOT NULL;
CREATE INDEX notifications_actor_id_idx ON notifications (actor_id) WHERE actor_id IS NOT NULL;
CREATE INDEX notifications_created_at_user_id_idx ON notifications (created_at, user_id);

-- Messages that call everybody in a channel, or all who have a role.
CREATE TABLE channel_calls (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    -- Empty for everybody.
    role_id TEXT NOT NULL,
    community_id TEXT NOT NULL REFERENCES communities (id) ON DELETE CASCADE,
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    author_id TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, role_id)
);
CREATE INDEX channel_calls_community_id_message_id_idx ON channel_calls (community_id, message_id);
CREATE INDEX channel_calls_channel_id_seq_idx ON channel_calls (channel_id, seq);
CREATE INDEX channel_calls_created_at_idx ON channel_calls (created_at);

-- Calls up to this one are read.
CREATE TABLE notification_marks (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
    up_to TEXT NOT NULL
);

CREATE TABLE notification_preferences (
    user_id TEXT NOT NULL REFERENCES users (id),
    scope TEXT NOT NULL CHECK (scope IN ('account', 'community', 'channel')),
    -- The community or channel; empty for the account.
    scope_id TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('all', 'mentions', 'none', 'default')),
    muted_until BIGINT,
    suppress_everyone BOOLEAN,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, scope, scope_id)
);
CREATE INDEX notification_preferences_scope_id_idx ON notification_preferences (scope_id);
