-- Who follows whom; one of the two at least is a person of this node.
CREATE TABLE follows (
    id TEXT NOT NULL PRIMARY KEY,
    follower_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    followee_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The id of the Follow, which answers to it name.
    activity_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL until the followee agrees.
    accepted_at BIGINT,
    CHECK (follower_id <> followee_id)
);
CREATE UNIQUE INDEX follows_follower_id_followee_id_idx ON follows (follower_id, followee_id);
CREATE INDEX follows_followee_id_id_idx ON follows (followee_id, id);
CREATE INDEX follows_follower_id_id_idx ON follows (follower_id, id);
CREATE INDEX follows_activity_id_idx ON follows (activity_id);
