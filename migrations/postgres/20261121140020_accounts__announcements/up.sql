-- Changed profiles that other nodes are to be told of, and statuses with an end; one row a member.
CREATE TABLE profile_announcements (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- When to tell them; NULL when they know.
    due_at BIGINT,
    -- When they were told last.
    announced_at BIGINT,
    -- When the status of the member ends.
    status_ends_at BIGINT
);
CREATE INDEX profile_announcements_due_at_idx ON profile_announcements (due_at)
    WHERE due_at IS NOT NULL;
CREATE INDEX profile_announcements_status_ends_at_idx ON profile_announcements (status_ends_at)
    WHERE status_ends_at IS NOT NULL;
