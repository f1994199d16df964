-- How far each key has come in a rotation, and since when.
ALTER TABLE local_keys ADD COLUMN stage TEXT NOT NULL DEFAULT 'current'
    CHECK (stage IN ('next', 'current', 'previous', 'retired'));
ALTER TABLE local_keys ADD COLUMN stage_at BIGINT NOT NULL DEFAULT 0;
UPDATE local_keys SET stage_at = created_at WHERE retired_at IS NULL;
UPDATE local_keys SET stage = 'retired', stage_at = retired_at WHERE retired_at IS NOT NULL;
-- One key of a kind in each stage but the last: two processes cannot both take a step.
CREATE UNIQUE INDEX local_keys_actor_id_algorithm_stage_idx
    ON local_keys (actor_id, algorithm, stage) WHERE stage <> 'retired';
CREATE INDEX local_keys_stage_stage_at_idx ON local_keys (stage, stage_at);
