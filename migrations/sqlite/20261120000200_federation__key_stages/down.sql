DROP INDEX local_keys_stage_stage_at_idx;
DROP INDEX local_keys_actor_id_algorithm_stage_idx;
ALTER TABLE local_keys DROP COLUMN stage_at;
ALTER TABLE local_keys DROP COLUMN stage;
