-- What still stands of a channel, in order: a page costs the same however much was deleted.
CREATE INDEX messages_channel_id_seq_standing_idx ON messages (channel_id, seq)
    WHERE deleted_at IS NULL;
