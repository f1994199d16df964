//! `[limits]`: bounds on what one client can take (I11).

use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// Bounds on what one client can take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Bytes in the body of a request to the native API.
    pub request_body_bytes: usize,
    /// Bytes in the body of an activity from another node.
    pub inbox_body_bytes: usize,
    /// Activities from one other node in a second, by the domain that signs them; 30 times as many
    /// at once.
    pub inbox_per_second_per_peer: u32,
    /// Requests to inboxes from one public address in a second; 30 times as many at once.
    pub inbox_per_second_per_address: u32,
    /// Documents fetched from one host in a second, whoever causes it; 60 times as many at once.
    pub fetches_per_second_per_host: u32,
    /// Connections held open at once; more wait to be accepted.
    pub connections: usize,
    /// Sign-ins of one account at once; a further one ends the oldest.
    pub sessions_per_user: u32,
    /// Passwords hashed at once; each takes 19 MiB while it runs.
    pub password_hashes_at_once: usize,
    /// Characters in a message that a member writes.
    pub message_characters: usize,
    /// People in a direct conversation.
    pub conversation_people: usize,
    /// People that one message mentions by name.
    pub mentioned_people: usize,
    /// Roles that one message mentions.
    pub mentioned_roles: usize,
    /// WebSockets one member may have open.
    pub sockets_per_user: usize,
    /// Events that wait for one slow socket before it is closed.
    pub socket_queue_events: usize,
    /// Bytes in a file that a member sends.
    pub upload_body_bytes: usize,
    /// Days for which the audit log is kept.
    pub audit_days: u32,
    /// Hours for which a client that comes back can resume without loading everything anew.
    pub event_hours: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            request_body_bytes: 256 * 1024,
            inbox_body_bytes: 1024 * 1024,
            inbox_per_second_per_peer: 2_000,
            inbox_per_second_per_address: 2_000,
            fetches_per_second_per_host: 1,
            connections: 16_384,
            sessions_per_user: 50,
            password_hashes_at_once: 2,
            message_characters: 8000,
            conversation_people: 50,
            mentioned_people: 50,
            mentioned_roles: 10,
            sockets_per_user: 20,
            socket_queue_events: 1024,
            upload_body_bytes: 50 * 1024 * 1024,
            audit_days: 365,
            event_hours: 72,
        }
    }
}

impl LimitsConfig {
    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        let mut within = |key: &str, value: u64, low: u64, high: u64| {
            if !(low..=high).contains(&value) {
                let key = format!("limits.{key}");
                faults.push(Fault::new(
                    &key,
                    format!("{value} is out of range"),
                    format!("choose a number from {low} to {high}"),
                ));
            }
        };
        let wide = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let mib = 1024 * 1024;
        within(
            "request_body_bytes",
            wide(self.request_body_bytes),
            4096,
            64 * mib,
        );
        within(
            "inbox_body_bytes",
            wide(self.inbox_body_bytes),
            16 * 1024,
            64 * mib,
        );
        for (key, value) in [
            ("inbox_per_second_per_peer", self.inbox_per_second_per_peer),
            (
                "inbox_per_second_per_address",
                self.inbox_per_second_per_address,
            ),
            (
                "fetches_per_second_per_host",
                self.fetches_per_second_per_host,
            ),
        ] {
            within(key, value.into(), 1, 1_000_000);
        }
        within("connections", wide(self.connections), 16, 1_000_000);
        within(
            "sessions_per_user",
            self.sessions_per_user.into(),
            1,
            10_000,
        );
        within(
            "password_hashes_at_once",
            wide(self.password_hashes_at_once),
            1,
            64,
        );
        within(
            "message_characters",
            wide(self.message_characters),
            1,
            100_000,
        );
        within(
            "conversation_people",
            wide(self.conversation_people),
            2,
            500,
        );
        within("mentioned_people", wide(self.mentioned_people), 1, 500);
        within("mentioned_roles", wide(self.mentioned_roles), 1, 100);
        within("sockets_per_user", wide(self.sockets_per_user), 1, 10_000);
        within(
            "socket_queue_events",
            wide(self.socket_queue_events),
            16,
            100_000,
        );
        within(
            "upload_body_bytes",
            wide(self.upload_body_bytes),
            64 * 1024,
            16 * 1024 * mib,
        );
        within("audit_days", self.audit_days.into(), 1, 36_500);
        within("event_hours", self.event_hours.into(), 1, 24 * 365);
    }
}
