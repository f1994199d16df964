-- Communities, their roles and their members. One is the default: every account of the node belongs
-- to it without a row, until it leaves.
CREATE TABLE communities (
    id TEXT NOT NULL PRIMARY KEY,
    -- The last part of its address, in lower case; it is never given a second time.
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('public', 'unlisted', 'private')),
    -- NULL for the default one, which the owners of the node hold, unless somebody was made its owner.
    owner_id TEXT REFERENCES users (id),
    is_default BOOLEAN NOT NULL,
    actor_uri TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX communities_slug_idx ON communities (slug);
CREATE UNIQUE INDEX communities_actor_uri_idx ON communities (actor_uri);
CREATE UNIQUE INDEX communities_is_default_idx ON communities (is_default) WHERE is_default;
CREATE INDEX communities_owner_id_idx ON communities (owner_id);
CREATE INDEX communities_deleted_at_idx ON communities (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE community_roles (
    id TEXT NOT NULL PRIMARY KEY,
    community_id TEXT NOT NULL REFERENCES communities (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- `#rrggbb`.
    colour TEXT,
    -- Higher ones are above lower ones; 0 is everyone's.
    position INTEGER NOT NULL,
    -- A set of bits, see `base::permission`.
    permissions BIGINT NOT NULL,
    is_everyone BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX community_roles_community_id_idx ON community_roles (community_id);

CREATE TABLE community_members (
    community_id TEXT NOT NULL REFERENCES communities (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    nickname TEXT,
    joined_at BIGINT NOT NULL,
    -- Set once they left or were removed.
    left_at BIGINT,
    -- They are silenced until then.
    timed_out_until BIGINT,
    PRIMARY KEY (community_id, user_id)
);
CREATE INDEX community_members_user_id_community_id_idx ON community_members (user_id, community_id);

CREATE TABLE community_member_roles (
    community_id TEXT NOT NULL REFERENCES communities (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    role_id TEXT NOT NULL REFERENCES community_roles (id) ON DELETE CASCADE,
    PRIMARY KEY (community_id, user_id, role_id)
);
CREATE INDEX community_member_roles_role_id_idx ON community_member_roles (role_id);
