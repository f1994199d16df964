DROP INDEX messages_uri_author_id_idx;
CREATE UNIQUE INDEX messages_uri_idx ON messages (uri);
