//! Rows of the delivery tables as the types of the outbox.

use diesel::{Queryable, Selectable};
use url::Url;

use crate::clock::Timestamp;
use crate::outbox::delivery::{Delivery, DeliveryId, DeliveryState, PeerHealth, SettledDelivery};
use crate::store::sql::DatabaseError;
use crate::store::sql::schema::{deliveries, peers};

/// How many rows one statement takes: SQLite binds at most 32,766 values.
pub(super) const CHUNK: usize = 500;

#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub(super) struct DeliveryRow {
    pub(super) id: String,
    pub(super) activity_id: String,
    pub(super) peer: String,
    pub(super) inbox: String,
    pub(super) recipients: String,
    pub(super) state: String,
    pub(super) attempts: i32,
    pub(super) last_status: Option<i32>,
    pub(super) last_error: Option<String>,
    pub(super) created_at: i64,
    pub(super) settled_at: Option<i64>,
}

impl DeliveryRow {
    pub(super) fn into_delivery(self) -> Result<Delivery, DatabaseError> {
        Ok(Delivery {
            id: parse_id(&self.id)?,
            activity_id: parse_url(&self.activity_id)?,
            inbox: parse_url(&self.inbox)?,
            recipients: parse_recipients(&self.recipients)?,
            state: DeliveryState::parse(&self.state).ok_or(DatabaseError::Malformed {
                what: "delivery state",
            })?,
            peer: self.peer,
            attempts: count(self.attempts),
            last_status: status(self.last_status),
            last_error: self.last_error,
            created_at: Timestamp::from_millis(self.created_at),
            settled_at: self.settled_at.map(Timestamp::from_millis),
        })
    }
}

impl From<Delivery> for SettledDelivery {
    fn from(delivery: Delivery) -> Self {
        Self {
            delivery_id: delivery.id,
            activity_id: delivery.activity_id,
            inbox: delivery.inbox,
            recipients: delivery.recipients,
            state: delivery.state,
            attempts: delivery.attempts,
            last_status: delivery.last_status,
            last_error: delivery.last_error,
        }
    }
}

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = peers)]
pub(super) struct PeerRow {
    pub(super) host: String,
    pub(super) failures: i32,
    pub(super) failing_since_at: Option<i64>,
    pub(super) retry_at: Option<i64>,
    pub(super) last_success_at: Option<i64>,
    pub(super) last_failure_at: Option<i64>,
    pub(super) last_error: Option<String>,
    pub(super) signature_scheme: Option<String>,
}

impl From<PeerRow> for PeerHealth {
    fn from(row: PeerRow) -> Self {
        Self {
            host: row.host,
            failures: count(row.failures),
            failing_since_at: row.failing_since_at.map(Timestamp::from_millis),
            retry_at: row.retry_at.map(Timestamp::from_millis),
            last_success_at: row.last_success_at.map(Timestamp::from_millis),
            last_failure_at: row.last_failure_at.map(Timestamp::from_millis),
            last_error: row.last_error,
            signature_scheme: row.signature_scheme,
        }
    }
}

pub(super) fn parse_id(text: &str) -> Result<DeliveryId, DatabaseError> {
    text.parse().map_err(|_invalid| DatabaseError::Malformed {
        what: "delivery id",
    })
}

pub(super) fn parse_url(text: &str) -> Result<Url, DatabaseError> {
    Url::parse(text).map_err(|_invalid| DatabaseError::Malformed { what: "URL" })
}

pub(super) fn parse_recipients(text: &str) -> Result<Vec<Url>, DatabaseError> {
    serde_json::from_str(text).map_err(|_invalid| DatabaseError::Malformed {
        what: "list of recipients",
    })
}

pub(super) fn recipients_text(recipients: &[Url]) -> String {
    recipients
        .iter()
        .map(Url::as_str)
        .collect::<serde_json::Value>()
        .to_string()
}

/// A count that the schema keeps from being negative.
pub(super) fn count(stored: i32) -> u32 {
    u32::try_from(stored).unwrap_or(0)
}

pub(super) fn status(stored: Option<i32>) -> Option<u16> {
    stored.and_then(|status| u16::try_from(status).ok())
}

pub(super) fn limit(wanted: u32) -> i64 {
    i64::from(wanted.min(1000))
}
