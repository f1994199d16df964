-- One-time codes (RFC 6238): the secret is sealed by the key ring.
CREATE TABLE totp_secrets (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed_secret BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL until the first code proved that the member holds the secret.
    confirmed_at BIGINT,
    -- The newest step whose code was used: neither it nor an older one counts again.
    last_step BIGINT NOT NULL
);

-- Codes for whoever lost their device, by SHA-256; each counts once.
CREATE TABLE recovery_codes (
    code_hash BYTEA NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX recovery_codes_user_id_idx ON recovery_codes (user_id);
