-- What channels allow and deny, beside what roles hold; and when somebody last wrote in slow mode.
CREATE TABLE channel_role_overrides (
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    role_id TEXT NOT NULL REFERENCES community_roles (id) ON DELETE CASCADE,
    allow BIGINT NOT NULL,
    deny BIGINT NOT NULL,
    PRIMARY KEY (channel_id, role_id)
);
CREATE INDEX channel_role_overrides_role_id_idx ON channel_role_overrides (role_id);

CREATE TABLE channel_member_overrides (
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    allow BIGINT NOT NULL,
    deny BIGINT NOT NULL,
    PRIMARY KEY (channel_id, user_id)
);
CREATE INDEX channel_member_overrides_user_id_idx ON channel_member_overrides (user_id);

CREATE TABLE channel_turns (
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    last_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, user_id)
);
