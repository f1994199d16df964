DROP TABLE channel_departures;
DROP TABLE channel_contexts;
ALTER TABLE channel_members DROP COLUMN hidden_seq;
ALTER TABLE channel_members DROP COLUMN joined_seq;
ALTER TABLE channels DROP COLUMN is_group;
