ALTER TABLE peers DROP COLUMN asked_until;
