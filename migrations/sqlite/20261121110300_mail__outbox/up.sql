-- Messages on their way to the mail server; a row goes when it was taken or given up.
CREATE TABLE mails (
    id TEXT NOT NULL PRIMARY KEY,
    -- Address, subject and text, sealed by the key ring: some hold a code.
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    -- Not before this moment; moved on while somebody sends it.
    due_at BIGINT NOT NULL
);
CREATE INDEX mails_due_at_idx ON mails (due_at);
