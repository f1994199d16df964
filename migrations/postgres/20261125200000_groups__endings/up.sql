-- When the channel was closed to other nodes, of those who followed it then; they are told what is
-- deleted of what they had, and nothing else.
ALTER TABLE group_followers ADD COLUMN ended_at BIGINT;

-- Communities of which something changed since it was looked up whether their channels are still open to
-- those who follow them.
CREATE TABLE group_checks (
    community_id TEXT NOT NULL PRIMARY KEY REFERENCES communities (id) ON DELETE CASCADE
);
