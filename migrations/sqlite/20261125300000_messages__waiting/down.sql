DROP INDEX messages_waiting_idx;
