DROP INDEX idempotency_keys_subject_idx;
ALTER TABLE idempotency_keys DROP COLUMN subject;
