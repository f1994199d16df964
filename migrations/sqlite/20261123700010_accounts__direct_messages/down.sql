ALTER TABLE users DROP COLUMN direct_messages;
