ALTER TABLE sessions DROP COLUMN scopes;
ALTER TABLE sessions DROP COLUMN application_id;
ALTER TABLE sessions DROP COLUMN kind;
