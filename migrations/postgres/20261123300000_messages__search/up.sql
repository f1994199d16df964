-- What can be searched. `number` tells when a message was written, so that it orders them: its
-- milliseconds times 2^20, and something below that to tell those of one moment apart.
CREATE TABLE search_entries (
    number BIGINT NOT NULL PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    channel_id TEXT NOT NULL
);
CREATE UNIQUE INDEX search_entries_message_id_idx ON search_entries (message_id);

-- The words of an entry, under its number. The server makes the words; no parser and no
-- dictionary of the database has a part in it. Without the list of pending rows every search
-- costs the same, however much was written just before.
CREATE TABLE search_words (
    number BIGINT NOT NULL PRIMARY KEY REFERENCES search_entries (number) ON DELETE CASCADE,
    words TSVECTOR NOT NULL
);
CREATE INDEX search_words_words_idx ON search_words USING gin (words) WITH (fastupdate = off);

-- Messages that were there before the index: those up to this id have yet to be entered.
CREATE TABLE search_gaps (
    message_id TEXT NOT NULL PRIMARY KEY
);
INSERT INTO search_gaps (message_id) SELECT id FROM messages ORDER BY id DESC LIMIT 1;
