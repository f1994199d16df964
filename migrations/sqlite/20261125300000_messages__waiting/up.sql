-- What its author alone sees in a channel of another node until that has given it its place.
CREATE INDEX messages_waiting_idx ON messages (channel_id, author_id, seq)
    WHERE seq >= 1152921504606846976 AND deleted_at IS NULL;
