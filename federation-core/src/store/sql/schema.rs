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
        stage -> Text,
        stage_at -> BigInt,
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
    received_activities (digest) {
        digest -> Binary,
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
        delivered -> BigInt,
        failed -> BigInt,
        refused -> BigInt,
        latency_ms -> Nullable<Integer>,
        touched_at -> BigInt,
        asked_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    fan_outs (id) {
        id -> BigInt,
        activity_id -> Text,
        ordering_key -> Nullable<Text>,
        audience -> Nullable<Text>,
        next_page -> Nullable<Text>,
        due_at -> BigInt,
        failures -> Integer,
        last_error -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    fan_out_chunks (fan_out_id, number) {
        fan_out_id -> BigInt,
        number -> Integer,
        targets -> Text,
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
diesel::joinable!(deliveries -> delivery_lanes (lane_id));

diesel::allow_tables_to_appear_in_same_query!(
    deliveries,
    delivery_lanes,
    fan_outs,
    outgoing_activities,
    peers
);

diesel::table! {
    node_challenges (id) {
        id -> Text,
        nonce -> Text,
        holder -> Text,
        site -> Text,
        subject -> Nullable<Text>,
        scopes -> Text,
        audience -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    node_sessions (id) {
        id -> Text,
        token_hash -> Binary,
        token_hint -> Text,
        holder -> Text,
        host -> Text,
        subject -> Nullable<Text>,
        scopes -> Text,
        audience -> Text,
        issued_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        ended_at -> BigInt,
    }
}
