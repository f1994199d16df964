-- Finds what one person wrote and still stands, for its export and its deletion.
CREATE INDEX messages_author_id_id_idx ON messages (author_id, id) WHERE deleted_at IS NULL;
