DROP INDEX messages_author_id_id_idx;
