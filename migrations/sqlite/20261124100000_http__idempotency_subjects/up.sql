-- What an answer is about, such as a message: once that is deleted, nothing of it stays in the answer.
ALTER TABLE idempotency_keys ADD COLUMN subject TEXT;
CREATE INDEX idempotency_keys_subject_idx ON idempotency_keys (subject) WHERE subject IS NOT NULL;
