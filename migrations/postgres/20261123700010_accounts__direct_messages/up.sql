-- Who may begin a conversation with a member, or bring them into one.
ALTER TABLE users ADD COLUMN direct_messages TEXT NOT NULL DEFAULT 'everybody'
    CHECK (direct_messages IN ('everybody', 'communities', 'followed'));
