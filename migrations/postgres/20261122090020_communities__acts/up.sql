-- Which entries of the audit log belong to a community.
CREATE TABLE community_acts (
    community_id TEXT NOT NULL REFERENCES communities (id) ON DELETE CASCADE,
    entry_id TEXT NOT NULL REFERENCES audit_log (id) ON DELETE CASCADE,
    PRIMARY KEY (community_id, entry_id)
);
CREATE INDEX community_acts_entry_id_idx ON community_acts (entry_id);
