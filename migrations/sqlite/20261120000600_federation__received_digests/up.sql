-- An activity is known again by a digest: the first 32 bits of SHA-256 over its actor's host, so that
-- what one peer sends lies together, and the first 128 bits of SHA-256 over its id, a zero byte and its
-- actor's id. Rows of one short length, where the names themselves were most of the table and its key.
-- SQLite has no such function; whoever runs this step provides activity_digest.
ALTER TABLE received_activities RENAME TO received_activities_by_name;
DROP INDEX received_activities_received_at_idx;
CREATE TABLE received_activities (
    digest BLOB NOT NULL PRIMARY KEY,
    received_at BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO received_activities (digest, received_at)
    SELECT activity_digest(id, actor_id), received_at FROM received_activities_by_name;
DROP TABLE received_activities_by_name;
CREATE INDEX received_activities_received_at_idx ON received_activities (received_at);
