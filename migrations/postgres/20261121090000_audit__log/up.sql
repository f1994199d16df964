-- Every privileged act: who did what to whom, with what was there before and after.
CREATE TABLE audit_log (
    id TEXT PRIMARY KEY NOT NULL,
    -- `user`, `command` or `system`.
    actor_kind TEXT NOT NULL,
    -- Of a user; not a reference, so that entries outlive accounts.
    actor_id TEXT,
    -- Such as `role.update`.
    action TEXT NOT NULL,
    target_kind TEXT,
    target_id TEXT,
    -- JSON, without secrets.
    before TEXT,
    after TEXT,
    request_id TEXT,
    address TEXT,
    -- Milliseconds since the Unix epoch.
    at BIGINT NOT NULL
);
CREATE INDEX audit_log_actor ON audit_log (actor_id, id);
CREATE INDEX audit_log_action ON audit_log (action, id);
CREATE INDEX audit_log_target ON audit_log (target_id, id);
