//! The audit log: every privileged act as a row of the transaction that carries it out.

mod log;

use std::fmt::Display;
use std::net::IpAddr;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::Value;

pub use self::log::{AuditFilter, Recorded, entries, list, prune};
use crate::base::ids::{AuditId, RequestId, UserId};
use crate::platform::db::schema::audit_log;

/// One act, to be recorded.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who acts.
    pub by: By,
    /// What is done, as `thing.verb`, such as `role.update`.
    pub action: &'static str,
    /// What it is done to: the kind of thing, and its id or name.
    pub target: Option<(&'static str, String)>,
    /// What was there before, without secrets.
    pub before: Option<Value>,
    /// What is there afterwards, without secrets.
    pub after: Option<Value>,
    /// The request that asked for it.
    pub request: Option<RequestId>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A member.
    User(UserId),
    /// Somebody at the command line of the machine.
    Command,
    /// The server itself.
    System,
}

impl By {
    /// The kind as the database holds it.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Command => "command",
            Self::System => "system",
        }
    }

    const fn user(self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(id),
            Self::Command | Self::System => None,
        }
    }
}

impl Entry {
    /// An act with neither target nor values yet.
    pub const fn new(by: By, action: &'static str) -> Self {
        Self {
            by,
            action,
            target: None,
            before: None,
            after: None,
            request: None,
            address: None,
        }
    }

    /// The same act, done to this.
    #[must_use]
    pub fn on(mut self, kind: &'static str, id: &(impl Display + ?Sized)) -> Self {
        self.target = Some((kind, id.to_string()));
        self
    }

    /// The same act, which changes `before` into `after`.
    #[must_use]
    pub fn change(mut self, before: Option<Value>, after: Option<Value>) -> Self {
        self.before = before;
        self.after = after;
        self
    }

    /// The same act, asked for by this request from this address.
    #[must_use]
    pub fn asked_by(mut self, request: Option<RequestId>, address: Option<IpAddr>) -> Self {
        self.request = request;
        self.address = address;
        self
    }
}

/// Records an act; call it in the transaction that carries it out.
///
/// # Errors
/// The database failed.
pub fn record(
    connection: &mut Connection,
    entry: &Entry,
    now: Timestamp,
) -> Result<AuditId, DatabaseError> {
    let id = AuditId::new(now);
    let text = |value: &Option<Value>| value.as_ref().map(Value::to_string);
    let (kind, target) = entry.target.as_ref().map(|(kind, id)| (*kind, id)).unzip();
    diesel::insert_into(audit_log::table)
        .values((
            audit_log::id.eq(id),
            audit_log::actor_kind.eq(entry.by.kind()),
            audit_log::actor_id.eq(entry.by.user()),
            audit_log::action.eq(entry.action),
            audit_log::target_kind.eq(kind),
            audit_log::target_id.eq(target),
            audit_log::before.eq(text(&entry.before)),
            audit_log::after.eq(text(&entry.after)),
            audit_log::request_id.eq(entry.request),
            audit_log::address.eq(entry.address.map(|address| address.to_string())),
            audit_log::at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(id)
}
