-- How far each member has read in each channel; a marker only moves on.
CREATE TABLE read_markers (
    user_id TEXT NOT NULL REFERENCES users (id),
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, channel_id)
);
CREATE INDEX read_markers_channel_id_idx ON read_markers (channel_id);
