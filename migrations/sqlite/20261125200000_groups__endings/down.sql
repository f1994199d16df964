DROP TABLE group_checks;
ALTER TABLE group_followers DROP COLUMN ended_at;
