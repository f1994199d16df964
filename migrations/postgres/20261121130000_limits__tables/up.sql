-- Limits as they were set while running, and the number of the last change of blocks.
CREATE TABLE rate_limits (
    name TEXT PRIMARY KEY NOT NULL,
    -- JSON.
    value TEXT NOT NULL,
    -- Grows with each change, for processes that look for changes.
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- Addresses that get no answer beyond a refusal.
CREATE TABLE blocked_addresses (
    id TEXT PRIMARY KEY NOT NULL,
    -- In CIDR notation, its host part zero.
    network TEXT NOT NULL UNIQUE,
    reason TEXT NOT NULL,
    -- Made by the server itself, for who goes on beyond all limits.
    automatic BOOLEAN NOT NULL,
    -- Not a reference, so that blocks outlive accounts.
    created_by TEXT,
    created_at BIGINT NOT NULL,
    -- Nothing for one that stays.
    expires_at BIGINT
);
CREATE INDEX blocked_addresses_expires_at_idx ON blocked_addresses (expires_at) WHERE expires_at IS NOT NULL;
-- Who went beyond the limits, and how often.
CREATE TABLE address_violations (
    network TEXT PRIMARY KEY NOT NULL,
    warnings INTEGER NOT NULL,
    blocks INTEGER NOT NULL,
    last_at BIGINT NOT NULL
);
CREATE INDEX address_violations_last_at_idx ON address_violations (last_at);
