-- First answers to requests that carry an Idempotency-Key, so that repeats have no second effect.
CREATE TABLE idempotency_keys (
    -- Whose key it is: keys of different members never meet.
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    -- Request fingerprint and answer, sealed; NULL only inside the transaction that makes the row.
    sealed_answer BLOB,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
