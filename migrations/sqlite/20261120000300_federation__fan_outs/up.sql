-- Activities whose audience is not spread over the lanes yet. next_page is where the source of the
-- audience goes on; without an audience the list is in fan_out_chunks. Those of one ordering key
-- are worked on by id, which follows the order of commits.
CREATE TABLE fan_outs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    activity_id TEXT NOT NULL REFERENCES outgoing_activities (id),
    ordering_key TEXT,
    audience TEXT,
    next_page TEXT,
    due_at BIGINT NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX fan_outs_activity_id_audience_idx ON fan_outs (activity_id, audience);
CREATE INDEX fan_outs_ordering_key_id_idx ON fan_outs (ordering_key, id)
    WHERE ordering_key IS NOT NULL;
CREATE INDEX fan_outs_due_at_id_idx ON fan_outs (due_at, id);

-- The lists of targets that no source can give again, in the order they are worked on.
CREATE TABLE fan_out_chunks (
    fan_out_id BIGINT NOT NULL REFERENCES fan_outs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    targets TEXT NOT NULL,
    PRIMARY KEY (fan_out_id, number)
);
