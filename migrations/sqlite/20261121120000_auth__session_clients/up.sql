-- What speaks by a session: the member, an application, a personal token, or another issuer's token.
ALTER TABLE sessions ADD COLUMN kind TEXT NOT NULL DEFAULT 'sign_in'
    CHECK (kind IN ('sign_in', 'application', 'personal_token', 'external'));
ALTER TABLE sessions ADD COLUMN application_id TEXT;
-- What the member gave it, by name with spaces in between.
ALTER TABLE sessions ADD COLUMN scopes TEXT NOT NULL DEFAULT 'read write admin';
