//! What speaks in the name of a member by a session, and the sessions of all that is not a sign-in.

use std::str::FromStr;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::store;
use crate::base::ids::{ApplicationId, PersonalTokenId, SessionId, UserId};
use crate::base::scope::Scopes;
use crate::platform::db::schema::sessions;
use crate::platform::http::auth::Client;

/// What speaks by a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// The member themselves.
    SignIn,
    /// An application that the member let in.
    Application(ApplicationId),
    /// A personal access token.
    PersonalToken,
    /// A token of the issuer that the operator trusts.
    External,
}

/// A session that is no sign-in of the member.
#[derive(Clone, Copy, Debug)]
pub struct NewClient<'a> {
    /// Whose it is.
    pub user: UserId,
    /// What speaks.
    pub kind: SessionKind,
    /// What it may do.
    pub scopes: Scopes,
    /// What a list of sessions calls it.
    pub label: &'a str,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What counts of the client of a session: its kind, its application, its scopes.
pub(super) type ClientRow = (String, Option<ApplicationId>, String);

impl SessionKind {
    /// The kind as the database and clients have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Application(_) => "application",
            Self::PersonalToken => "personal_token",
            Self::External => "external",
        }
    }

    /// The application, when it is one.
    pub const fn application(self) -> Option<ApplicationId> {
        match self {
            Self::Application(id) => Some(id),
            Self::SignIn | Self::PersonalToken | Self::External => None,
        }
    }
}

/// Reads the client of a session; what does not read may do nothing.
///
/// # Security
/// A row that a newer server wrote in a way unknown here is no sign-in of the member.
pub(super) fn read(
    session: SessionId,
    (kind, application, scopes): &ClientRow,
) -> (Client, Scopes) {
    let client = match (kind.as_str(), application) {
        ("sign_in", None) => Some(Client::FirstParty),
        ("application", Some(id)) => Some(Client::Application(*id)),
        ("external", None) => Some(Client::External),
        ("personal_token", None) => personal(session).map(Client::PersonalToken),
        _ => None,
    };
    let scopes = Scopes::from_str(scopes).unwrap_or_default();
    match client {
        Some(client) => (client, scopes),
        None => (Client::External, Scopes::default()),
    }
}

/// A personal token has the id of its session.
pub(super) fn personal(session: SessionId) -> Option<PersonalTokenId> {
    session.as_str().parse().ok()
}

/// Opens the session of a client; it has no refresh token yet.
///
/// # Errors
/// The database failed.
pub fn insert(
    connection: &mut Connection,
    new: &NewClient<'_>,
    now: Timestamp,
) -> Result<SessionId, DatabaseError> {
    let id = SessionId::new(now);
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id),
            sessions::user_id.eq(new.user),
            sessions::user_agent.eq(new.label),
            sessions::created_at.eq(now.as_millis()),
            sessions::last_used_at.eq(now.as_millis()),
            sessions::expires_at.eq(new.expires_at.as_millis()),
            sessions::kind.eq(new.kind.as_str()),
            sessions::application_id.eq(new.kind.application()),
            sessions::scopes.eq(new.scopes.to_string()),
        ))
        .execute(connection)?;
    Ok(id)
}

/// The sessions of a member and kind that live, newest first.
///
/// # Errors
/// The database failed.
pub fn live_of_kind(
    connection: &mut Connection,
    user: UserId,
    kind: SessionKind,
    now: Timestamp,
) -> Result<Vec<SessionId>, DatabaseError> {
    let rows = sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now.as_millis()))
        .filter(sessions::kind.eq(kind.as_str()))
        .order(sessions::id.desc())
        .select((sessions::id, sessions::application_id));
    let rows: Vec<(SessionId, Option<ApplicationId>)> = rows.load(connection)?;
    let of_it = |(id, application): (SessionId, Option<ApplicationId>)| {
        (application == kind.application()).then_some(id)
    };
    Ok(rows.into_iter().filter_map(of_it).collect())
}

/// Ends the sign-ins of a member beyond the newest `keep`; answers which.
pub(super) fn revoke_beyond(
    connection: &mut Connection,
    user: UserId,
    keep: u32,
    now: Timestamp,
) -> Result<Vec<SessionId>, DatabaseError> {
    let live = live_of_kind(connection, user, SessionKind::SignIn, now)?;
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let ended: Vec<SessionId> = live.into_iter().skip(keep).collect();
    for session in &ended {
        store::revoke(connection, user, *session, now)?;
    }
    Ok(ended)
}
