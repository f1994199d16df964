-- The names cannot be had back from their digests: what was received is forgotten.
DROP TABLE received_activities;
CREATE TABLE received_activities (
    id TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (id, actor_id)
);
CREATE INDEX received_activities_received_at_idx ON received_activities (received_at);
