ALTER TABLE refresh_tokens DROP COLUMN replaced_by;
ALTER TABLE sessions DROP COLUMN last_network;
ALTER TABLE sessions DROP COLUMN device_name;
