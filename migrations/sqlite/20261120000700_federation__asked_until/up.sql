-- Until when a peer asked to be left alone: a word of it does not end that.
ALTER TABLE peers ADD COLUMN asked_until BIGINT;
