//! What is delivered, where to, and how far it has come.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use url::Url;
use uuid::{NoContext, Uuid};

use crate::clock::Timestamp;

/// The id of one delivery: a UUID of version 7, so that ids sort by the time they were queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(Uuid);

impl DeliveryId {
    /// A new id for a delivery queued at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Uuid::new_v7(unix(now)))
    }

    /// The least id a delivery queued at `moment` can have.
    pub fn floor(moment: Timestamp) -> Self {
        let mut bytes = *Uuid::new_v7(unix(moment)).as_bytes();
        for byte in bytes.iter_mut().skip(6) {
            *byte = 0;
        }
        Self(Uuid::from_bytes(bytes))
    }
}

fn unix(moment: Timestamp) -> uuid::Timestamp {
    let millis = u64::try_from(moment.as_millis()).unwrap_or(0);
    let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    uuid::Timestamp::from_unix(NoContext, millis / 1000, nanos)
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for DeliveryId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// The id of one lane, given by the store.
pub type LaneId = i64;

/// One inbox, and whom an activity reaches through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where to post: a personal or a shared inbox.
    pub inbox: Url,
    /// The actors behind it that are addressed.
    pub recipients: Vec<Url>,
}

impl Target {
    /// The peer the inbox belongs to: host, and the port when it is not the scheme's own.
    pub fn peer(&self) -> String {
        peer_of(&self.inbox)
    }
}

/// The host of an URL, with its port when that is not the scheme's own.
pub(crate) fn peer_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// An activity to be sent, with everything its deliveries need.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its id; the same activity is queued once per inbox, however often this is asked.
    pub activity_id: Url,
    /// Who sends it: whose key signs.
    pub actor_id: Url,
    /// The object it is about, by which a later deletion can withdraw it.
    pub object_id: Option<Url>,
    /// The JSON document to post, byte for byte.
    pub body: String,
    /// Deliveries with the same key reach a peer in the order they were committed; without one a
    /// delivery waits for nothing.
    pub ordering_key: Option<String>,
    /// Where it goes.
    pub targets: Vec<Target>,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryState {
    /// Waiting for its first or next attempt.
    Queued,
    /// Taken by the peer.
    Delivered,
    /// Given up: refused for good, or too old.
    Dead,
    /// Withdrawn before it was sent.
    Cancelled,
}

impl DeliveryState {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Queued, Self::Delivered, Self::Dead, Self::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// One delivery as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// What is delivered.
    pub activity_id: Url,
    /// Where to.
    pub inbox: Url,
    /// Whose server that is.
    pub peer: String,
    /// Whom it reaches.
    pub recipients: Vec<Url>,
    /// How far it has come.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// The HTTP status of the last attempt that was answered.
    pub last_status: Option<u16>,
    /// What the last attempt failed with.
    pub last_error: Option<String>,
    /// When it was first queued.
    pub created_at: Timestamp,
    /// When it left the queue.
    pub settled_at: Option<Timestamp>,
}

/// A delivery whose lane a worker has leased.
#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The lane it heads.
    pub lane: LaneId,
    /// The lease under which the lane is held; a settlement has to name it.
    pub lease: String,
    /// Whose server it goes to.
    pub peer: String,
    /// Where to.
    pub inbox: Url,
    /// Whom it reaches.
    pub recipients: Vec<Url>,
    /// What is delivered.
    pub activity_id: Url,
    /// Whose key signs.
    pub actor_id: Url,
    /// The document to post.
    pub body: Bytes,
    /// Attempts before this one.
    pub attempts: u32,
    /// The HTTP status of the attempt before this one.
    pub last_status: Option<u16>,
    /// Since when it is queued.
    pub queued_at: Timestamp,
    /// What was known of the peer when the lane was leased.
    pub peer_health: PeerHealth,
}

/// A delivery that has left the queue, as it is told to whoever asked for it.
#[derive(Clone, Debug)]
pub struct SettledDelivery {
    /// Its id.
    pub delivery_id: DeliveryId,
    /// What was delivered.
    pub activity_id: Url,
    /// Where to.
    pub inbox: Url,
    /// Whom it reaches.
    pub recipients: Vec<Url>,
    /// How it ended; never [`DeliveryState::Queued`].
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// The HTTP status of the last attempt that was answered.
    pub last_status: Option<u16>,
    /// What the last attempt failed with.
    pub last_error: Option<String>,
}

/// What is known of a peer's health.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerHealth {
    /// Host, and port when it is not the scheme's own.
    pub host: String,
    /// Failures of the peer as a whole since its last answer.
    pub failures: u32,
    /// Since when it fails.
    pub failing_since_at: Option<Timestamp>,
    /// Until when everything for it is held back.
    pub retry_at: Option<Timestamp>,
    /// When it last answered.
    pub last_success_at: Option<Timestamp>,
    /// When it last failed.
    pub last_failure_at: Option<Timestamp>,
    /// What it last failed with.
    pub last_error: Option<String>,
    /// The name of the signature scheme it accepted.
    pub signature_scheme: Option<String>,
}
