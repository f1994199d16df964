-- People: those with an account here and those known from other nodes, alike.
CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL,
    -- NULL for people of this node.
    domain TEXT,
    actor_uri TEXT NOT NULL,
    -- What searches compare: `name` or `name@domain`, in lower case.
    search_key TEXT NOT NULL,
    display_name TEXT NOT NULL,
    bio TEXT NOT NULL,
    -- Known of people of this node alone.
    email TEXT,
    role TEXT NOT NULL CHECK (role IN ('user', 'moderator', 'admin', 'owner')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    suspended_at BIGINT,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX users_actor_uri_idx ON users (actor_uri);
CREATE UNIQUE INDEX users_username_idx ON users (username) WHERE domain IS NULL;
CREATE INDEX users_search_key_idx ON users (search_key);
CREATE INDEX users_role_idx ON users (role) WHERE role = 'owner';
