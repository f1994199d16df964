DROP INDEX messages_living_idx;
DROP TABLE read_markers;
