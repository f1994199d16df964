ALTER TABLE invites DROP COLUMN uses;
ALTER TABLE invites DROP COLUMN max_uses;
ALTER TABLE invites DROP COLUMN created_by;
DROP TABLE accepted_terms;
