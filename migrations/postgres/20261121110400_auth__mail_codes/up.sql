-- Addresses that proved to be their member's.
CREATE TABLE confirmed_emails (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- In lower case.
    email TEXT NOT NULL,
    confirmed_at BIGINT NOT NULL
);
CREATE INDEX confirmed_emails_email_idx ON confirmed_emails (email);

-- Codes sent by mail, by SHA-256; each counts once.
CREATE TABLE mail_codes (
    code_hash BYTEA NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL CHECK (purpose IN ('reset', 'confirm')),
    -- In lower case.
    email TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX mail_codes_user_id_created_at_idx ON mail_codes (user_id, created_at);
CREATE INDEX mail_codes_expires_at_idx ON mail_codes (expires_at);

-- Passwords that somebody forgot, as they asked: looked up later, so that the answer tells nothing.
CREATE TABLE reset_requests (
    id TEXT NOT NULL PRIMARY KEY,
    username_or_email TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
