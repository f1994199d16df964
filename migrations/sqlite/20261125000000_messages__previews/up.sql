-- Pages that messages link to, as they were fetched lately, and those that are to be fetched.
CREATE TABLE previews (
    digest TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    site TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('wanted', 'described', 'bare', 'failed')),
    title TEXT,
    description TEXT,
    site_name TEXT,
    due_at BIGINT,
    fetched_at BIGINT
);
CREATE INDEX previews_due_at_idx ON previews (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX previews_site_due_at_idx ON previews (site, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX previews_fetched_at_idx ON previews (fetched_at) WHERE fetched_at IS NOT NULL;

-- What messages show of pages, and those that they wait for.
CREATE TABLE message_previews (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    url TEXT NOT NULL,
    waiting_for TEXT,
    title TEXT,
    description TEXT,
    site_name TEXT,
    PRIMARY KEY (message_id, position)
);
CREATE INDEX message_previews_waiting_for_idx ON message_previews (waiting_for) WHERE waiting_for IS NOT NULL;
