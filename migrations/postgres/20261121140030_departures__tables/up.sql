-- Accounts that were deleted, and which other nodes took notice.
CREATE TABLE account_deletions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    -- The id of the Delete that other nodes get.
    activity_id TEXT NOT NULL,
    -- NULL when the command line asked.
    requested_by TEXT REFERENCES users (id),
    state TEXT NOT NULL CHECK (state IN ('requested', 'told', 'done')),
    requested_at BIGINT NOT NULL,
    completed_at BIGINT
);
CREATE UNIQUE INDEX account_deletions_user_id_idx ON account_deletions (user_id);
CREATE UNIQUE INDEX account_deletions_activity_id_idx ON account_deletions (activity_id);
CREATE INDEX account_deletions_state_idx ON account_deletions (state) WHERE state <> 'done';

CREATE TABLE deletion_confirmations (
    deletion_id TEXT NOT NULL REFERENCES account_deletions (id) ON DELETE CASCADE,
    inbox TEXT NOT NULL,
    peer TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'confirmed', 'failed')),
    reason TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (deletion_id, inbox)
);
