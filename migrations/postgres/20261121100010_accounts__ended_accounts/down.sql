DROP INDEX users_deleted_at_idx;
DROP INDEX users_suspended_at_idx;
