ALTER TABLE users DROP COLUMN suspension_reason;
ALTER TABLE users DROP COLUMN presence;
ALTER TABLE users DROP COLUMN profile;
