-- What may not be written, on the whole node or in one community.
CREATE TABLE content_rules (
    id TEXT NOT NULL PRIMARY KEY,
    -- NULL for rules of the node.
    community_id TEXT REFERENCES communities (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL
        CHECK (kind IN ('word', 'phrase', 'regex', 'link_domain', 'mentions', 'repeated')),
    -- Empty for those that count.
    pattern TEXT NOT NULL,
    times INTEGER,
    seconds INTEGER,
    action TEXT NOT NULL CHECK (action IN ('block', 'delete', 'time_out', 'report', 'flag')),
    time_out_seconds INTEGER,
    -- What the author of a refused message is told.
    reason TEXT NOT NULL,
    -- Lists of ids, as JSON.
    exempt_roles TEXT NOT NULL,
    exempt_channels TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX content_rules_community_id_id_idx ON content_rules (community_id, id);

-- Which state of the rules counts; each change gives another version.
CREATE TABLE rule_sets (
    -- `node`, or the id of a community.
    scope TEXT NOT NULL PRIMARY KEY,
    version TEXT NOT NULL
);
