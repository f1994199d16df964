-- An activity is known again by a digest: the first 32 bits of SHA-256 over its actor's host, so that
-- what one peer sends lies together, and the first 128 bits of SHA-256 over its id, a zero byte and its
-- actor's id. Rows of one short length, where the names themselves were most of the table and its key.
ALTER TABLE received_activities RENAME TO received_activities_by_name;
ALTER INDEX received_activities_pkey RENAME TO received_activities_by_name_pkey;
DROP INDEX received_activities_received_at_idx;
CREATE TABLE received_activities (
    digest BYTEA NOT NULL PRIMARY KEY,
    received_at BIGINT NOT NULL
);
INSERT INTO received_activities (digest, received_at)
    SELECT substring(sha256(convert_to(split_part(actor_id, '/', 3), 'UTF8')) FROM 1 FOR 4)
        || substring(sha256(convert_to(id, 'UTF8') || '\x00'::bytea || convert_to(actor_id, 'UTF8'))
                     FROM 1 FOR 16), received_at
    FROM received_activities_by_name;
DROP TABLE received_activities_by_name;
CREATE INDEX received_activities_received_at_idx ON received_activities (received_at);
