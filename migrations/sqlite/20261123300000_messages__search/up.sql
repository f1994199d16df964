-- What can be searched. `number` tells when a message was written, so that it orders them: its
-- milliseconds times 2^20, and something below that to tell those of one moment apart.
CREATE TABLE search_entries (
    number INTEGER NOT NULL PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    channel_id TEXT NOT NULL
);
CREATE UNIQUE INDEX search_entries_message_id_idx ON search_entries (message_id);

-- The words of an entry, under its number. The server makes the words; the tokenizer here only
-- parts them at spaces. No text is kept, and a changed entry is deleted and added.
CREATE VIRTUAL TABLE search_words USING fts5 (
    words,
    content = '',
    contentless_delete = 1,
    tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* S* Co'"
);

-- Messages that were there before the index: those up to this id have yet to be entered.
CREATE TABLE search_gaps (
    message_id TEXT NOT NULL PRIMARY KEY
);
INSERT INTO search_gaps (message_id) SELECT id FROM messages ORDER BY id DESC LIMIT 1;
