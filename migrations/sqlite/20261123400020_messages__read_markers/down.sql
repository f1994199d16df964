DROP INDEX messages_channel_id_seq_author_id_idx;
DROP TABLE read_markers;
