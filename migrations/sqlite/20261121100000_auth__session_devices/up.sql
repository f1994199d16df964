-- What members call their devices, and the network a session was last used from (/24 or /48).
ALTER TABLE sessions ADD COLUMN device_name TEXT;
ALTER TABLE sessions ADD COLUMN last_network TEXT;

-- The token that was given in place of a used one, by SHA-256: while it is unused, a second use is
-- taken for a race and not for theft.
ALTER TABLE refresh_tokens ADD COLUMN replaced_by BLOB;
