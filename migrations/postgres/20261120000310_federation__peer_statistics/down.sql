DROP INDEX peers_touched_at_idx;
ALTER TABLE peers DROP COLUMN touched_at;
ALTER TABLE peers DROP COLUMN latency_ms;
ALTER TABLE peers DROP COLUMN refused;
ALTER TABLE peers DROP COLUMN failed;
ALTER TABLE peers DROP COLUMN delivered;
