-- Counts of attempts by how they ended, and when a peer was last heard of or failed: what has not
-- been touched for long is forgotten.
ALTER TABLE peers ADD COLUMN delivered BIGINT NOT NULL DEFAULT 0;
ALTER TABLE peers ADD COLUMN failed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE peers ADD COLUMN refused BIGINT NOT NULL DEFAULT 0;
ALTER TABLE peers ADD COLUMN latency_ms INTEGER;
ALTER TABLE peers ADD COLUMN touched_at BIGINT NOT NULL DEFAULT 0;
UPDATE peers SET touched_at = max(coalesce(last_success_at, 0), coalesce(last_failure_at, 0));
CREATE INDEX peers_touched_at_idx ON peers (touched_at);
