-- Passkeys (WebAuthn): the public key with what is known of it, as JSON of the library.
CREATE TABLE passkeys (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential_id BLOB NOT NULL,
    credential TEXT NOT NULL,
    -- Uses as the authenticator counts them; 0 from those that do not count.
    counter BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX passkeys_credential_id_idx ON passkeys (credential_id);
CREATE INDEX passkeys_user_id_idx ON passkeys (user_id);

-- Challenges that were answered, by SHA-256, until they expire: none counts twice.
CREATE TABLE used_challenges (
    challenge_hash BLOB NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX used_challenges_expires_at_idx ON used_challenges (expires_at);
