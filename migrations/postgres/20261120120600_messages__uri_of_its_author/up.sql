-- An id of another node counts together with its author: whoever uses it first there takes nothing
-- from the one it belongs to.
DROP INDEX messages_uri_idx;
CREATE UNIQUE INDEX messages_uri_author_id_idx ON messages (uri, author_id);
