//! The tables of `federation` as diesel sees them; `migrations/` makes them.

diesel::table! {
    local_keys (key_id) {
        key_id -> Text,
        actor_id -> Text,
        algorithm -> Text,
        private_key -> Binary,
        public_key -> Text,
        created_at -> BigInt,
        retired_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    remote_actors (id) {
        id -> Text,
        host -> Text,
        document -> Text,
        fetched_at -> BigInt,
        gone_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    received_activities (id, actor_id) {
        id -> Text,
        actor_id -> Text,
        received_at -> BigInt,
    }
}

diesel::table! {
    outgoing_activities (id) {
        id -> Text,
        actor_id -> Text,
        object_id -> Nullable<Text>,
        body -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    peers (host) {
        host -> Text,
        failures -> Integer,
        failing_since_at -> Nullable<BigInt>,
        retry_at -> Nullable<BigInt>,
        last_success_at -> Nullable<BigInt>,
        last_failure_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        signature_scheme -> Nullable<Text>,
    }
}

diesel::table! {
    delivery_lanes (id) {
        id -> BigInt,
        peer -> Text,
        ordering_key -> Text,
        due_at -> BigInt,
        lease_owner -> Nullable<Text>,
        parked -> Bool,
        last_seq -> BigInt,
        pending -> BigInt,
    }
}

diesel::table! {
    deliveries (id) {
        id -> Text,
        lane_id -> Nullable<BigInt>,
        seq -> BigInt,
        activity_id -> Text,
        peer -> Text,
        ordering_key -> Text,
        inbox -> Text,
        recipients -> Text,
        state -> Text,
        attempts -> Integer,
        last_status -> Nullable<Integer>,
        last_error -> Nullable<Text>,
        created_at -> BigInt,
        queued_at -> BigInt,
        settled_at -> Nullable<BigInt>,
    }
}

diesel::joinable!(deliveries -> outgoing_activities (activity_id));

diesel::allow_tables_to_appear_in_same_query!(
    deliveries,
    delivery_lanes,
    outgoing_activities,
    peers
);
