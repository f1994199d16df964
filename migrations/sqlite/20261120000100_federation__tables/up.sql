-- Signing keys of local actors; private_key is sealed by whoever stores it.
CREATE TABLE local_keys (
    key_id TEXT NOT NULL PRIMARY KEY,
    actor_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    private_key BLOB NOT NULL,
    public_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);
CREATE INDEX local_keys_actor_id_idx ON local_keys (actor_id);

-- Documents of actors of other servers.
CREATE TABLE remote_actors (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    document TEXT NOT NULL,
    fetched_at BIGINT NOT NULL,
    gone_at BIGINT
);
CREATE INDEX remote_actors_host_fetched_at_idx ON remote_actors (host, fetched_at);
CREATE INDEX remote_actors_fetched_at_idx ON remote_actors (fetched_at);

-- Which activities have had their effect. An id is its actor's: others of the same server may use
-- it too, and take nothing from the actor by that.
CREATE TABLE received_activities (
    id TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (id, actor_id)
);
CREATE INDEX received_activities_received_at_idx ON received_activities (received_at);

-- Bodies of outgoing activities, once for all their deliveries.
CREATE TABLE outgoing_activities (
    id TEXT NOT NULL PRIMARY KEY,
    actor_id TEXT NOT NULL,
    object_id TEXT,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX outgoing_activities_object_id_idx ON outgoing_activities (object_id)
    WHERE object_id IS NOT NULL;
CREATE INDEX outgoing_activities_created_at_idx ON outgoing_activities (created_at);

-- What is known of a peer's health. A peer with retry_at is held back: its lanes are parked, and
-- one of them is tried when that time has come.
CREATE TABLE peers (
    host TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL DEFAULT 0,
    failing_since_at BIGINT,
    retry_at BIGINT,
    last_success_at BIGINT,
    last_failure_at BIGINT,
    last_error TEXT,
    signature_scheme TEXT
);
CREATE INDEX peers_retry_at_idx ON peers (retry_at) WHERE retry_at IS NOT NULL;

-- One row per peer and ordering key that has queued deliveries. due_at is when the lane may be
-- taken next; while it is taken, that is when its lease ends.
CREATE TABLE delivery_lanes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    peer TEXT NOT NULL,
    ordering_key TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    lease_owner TEXT,
    parked BOOLEAN NOT NULL DEFAULT FALSE,
    last_seq BIGINT NOT NULL,
    pending BIGINT NOT NULL CHECK (pending >= 0)
);
CREATE UNIQUE INDEX delivery_lanes_peer_ordering_key_idx ON delivery_lanes (peer, ordering_key);
CREATE INDEX delivery_lanes_due_at_peer_idx ON delivery_lanes (due_at, peer) WHERE NOT parked;
CREATE INDEX delivery_lanes_peer_due_at_idx ON delivery_lanes (peer, due_at) WHERE parked;

-- One activity on its way to one inbox. It belongs to a lane as long as it is queued.
CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    lane_id BIGINT REFERENCES delivery_lanes (id),
    seq BIGINT NOT NULL,
    activity_id TEXT NOT NULL REFERENCES outgoing_activities (id),
    peer TEXT NOT NULL,
    ordering_key TEXT NOT NULL,
    inbox TEXT NOT NULL,
    recipients TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'delivered', 'dead', 'cancelled')),
    attempts INTEGER NOT NULL DEFAULT 0,
    last_status INTEGER,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    queued_at BIGINT NOT NULL,
    settled_at BIGINT,
    CHECK ((state = 'queued') = (lane_id IS NOT NULL))
);
CREATE UNIQUE INDEX deliveries_activity_id_inbox_idx ON deliveries (activity_id, inbox);
CREATE UNIQUE INDEX deliveries_lane_id_seq_idx ON deliveries (lane_id, seq)
    WHERE lane_id IS NOT NULL;
CREATE INDEX deliveries_queued_at_idx ON deliveries (queued_at) WHERE lane_id IS NOT NULL;
CREATE INDEX deliveries_state_id_idx ON deliveries (state, id) WHERE state <> 'delivered';
CREATE INDEX deliveries_peer_id_idx ON deliveries (peer, id) WHERE state <> 'delivered';
