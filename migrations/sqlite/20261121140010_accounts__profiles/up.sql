-- What people show of themselves beside name and text, as JSON, and why somebody may not act.
ALTER TABLE users ADD COLUMN profile TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN presence TEXT NOT NULL DEFAULT 'online'
    CHECK (presence IN ('online', 'idle', 'dnd', 'invisible', 'offline'));
ALTER TABLE users ADD COLUMN suspension_reason TEXT;
