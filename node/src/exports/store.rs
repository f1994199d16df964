//! Reads what is held of a member, a page at a time; it writes nothing.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde::Serialize;

use super::error::ExportError;
use super::model::{DAY, MOST_A_DAY, PAGE};
use super::wire::{
    AccountRecord, IdentityRecord, InvitationRecord, PasskeyRecord, RoleRecord, SessionRecord,
    TermsRecord,
};
use crate::accounts::model::User;
use crate::accounts::wire::UserView;
use crate::auth::model::Session;
use crate::base::ids::{ExternalIdentityId, InviteId, PasskeyId, RoleId, SessionId, UserId};
use crate::config::Origin;
use crate::platform::db::schema::{
    accepted_terms, audit_log, confirmed_emails, credentials, external_identities, invites,
    passkeys, recovery_codes, roles, sessions, totp_secrets, user_roles,
};

/// What the audit log calls an export.
pub(super) const EXPORTED: &str = "account.exported";
/// The kinds of session by which a member is signed in.
pub(super) const SIGN_INS: &[&str] = &["sign_in", "external"];
/// The kinds of session that a member gave to something else.
pub(super) const GRANTS: &[&str] = &["application", "personal_token"];

/// Records as lines, and where the next ones begin.
#[derive(Debug)]
pub(super) struct Batch<C> {
    /// One JSON object each.
    pub(super) lines: Vec<String>,
    /// The cursor of the last one, unless nothing follows.
    pub(super) next: Option<C>,
}

impl<C> Batch<C> {
    /// All there is.
    pub(super) fn whole<R: Serialize>(
        records: impl IntoIterator<Item = R>,
    ) -> Result<Self, ExportError> {
        Self::of(records, None)
    }

    /// These records, after which the search goes on from `next`.
    pub(super) fn of<R: Serialize>(
        records: impl IntoIterator<Item = R>,
        next: Option<C>,
    ) -> Result<Self, ExportError> {
        let lines: Result<Vec<String>, _> = records
            .into_iter()
            .map(|record| serde_json::to_string(&record))
            .collect();
        Ok(Self {
            lines: lines?,
            next,
        })
    }
}

/// The cursor of the last row, when the page is full.
pub(super) fn cursor<R, C>(rows: &[R], of: impl Fn(&R) -> C) -> Option<C> {
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count >= PAGE);
    rows.last().filter(|_| is_full).map(of)
}

/// Whether a session has not been ended.
pub(super) fn is_open(
    connection: &mut Connection,
    session: SessionId,
) -> Result<bool, DatabaseError> {
    let row = sessions::table
        .find(session)
        .filter(sessions::revoked_at.is_null())
        .select(sessions::id);
    Ok(row.first::<SessionId>(connection).optional()?.is_some())
}

/// When a member who had [`MOST_A_DAY`] exports may ask again; `None` who may now.
pub(super) fn next_export(
    connection: &mut Connection,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Timestamp>, DatabaseError> {
    let limit = i64::try_from(MOST_A_DAY).unwrap_or(i64::MAX);
    let latest: Vec<i64> = audit_log::table
        .filter(audit_log::actor_id.eq(user))
        .filter(audit_log::action.eq(EXPORTED))
        .filter(audit_log::at.gt(now.minus(DAY).as_millis()))
        .order(audit_log::id.desc())
        .limit(limit)
        .select(audit_log::at)
        .load(connection)?;
    let first = latest.last().filter(|_| latest.len() >= MOST_A_DAY);
    Ok(first.map(|at| Timestamp::from_millis(*at).plus(DAY)))
}

/// The account itself, and what hangs on it alone.
pub(super) fn account(
    connection: &mut Connection,
    origin: &Origin,
    user: &User,
) -> Result<AccountRecord, DatabaseError> {
    let confirmed: Option<i64> = confirmed_emails::table
        .find(user.id)
        .select(confirmed_emails::confirmed_at)
        .first(connection)
        .optional()?;
    let given: Vec<(RoleId, String, i64)> = user_roles::table
        .inner_join(roles::table)
        .filter(user_roles::user_id.eq(user.id))
        .order(roles::id)
        .select((roles::id, roles::name, user_roles::created_at))
        .load(connection)?;
    let terms: Vec<(String, i64)> = accepted_terms::table
        .filter(accepted_terms::user_id.eq(user.id))
        .order(accepted_terms::accepted_at)
        .select((accepted_terms::version, accepted_terms::accepted_at))
        .load(connection)?;
    let password: Option<i64> = credentials::table
        .find(user.id)
        .select(credentials::updated_at)
        .first(connection)
        .optional()?;
    let second_factor: Vec<Option<i64>> = totp_secrets::table
        .filter(totp_secrets::user_id.eq(user.id))
        .select(totp_secrets::confirmed_at)
        .load(connection)?;
    let second_factor = second_factor.into_iter().flatten().next();
    let codes: i64 = recovery_codes::table
        .filter(recovery_codes::user_id.eq(user.id))
        .filter(recovery_codes::used_at.is_null())
        .count()
        .get_result(connection)?;
    let role = |(id, name, given_at)| RoleRecord {
        id,
        name,
        given_at: Timestamp::from_millis(given_at),
    };
    let terms_of = |(version, accepted_at)| TermsRecord {
        version,
        accepted_at: Timestamp::from_millis(accepted_at),
    };
    Ok(AccountRecord {
        user: UserView::new(user, origin),
        updated_at: Timestamp::from_millis(user.updated_at),
        presence: user.presence,
        direct_messages: user.direct_messages,
        email: user.email.clone(),
        email_confirmed_at: confirmed.map(Timestamp::from_millis),
        roles: given.into_iter().map(role).collect(),
        accepted_terms: terms.into_iter().map(terms_of).collect(),
        password_changed_at: password.map(Timestamp::from_millis),
        second_factor_since: second_factor.map(Timestamp::from_millis),
        recovery_codes_left: codes,
    })
}

/// Sessions of these kinds, newest first: those that were ended, or all others.
pub(super) fn sessions(
    connection: &mut Connection,
    user: UserId,
    (kinds, ended): (&[&'static str], bool),
    before: Option<SessionId>,
) -> Result<Batch<SessionId>, ExportError> {
    let mut rows = sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::kind.eq_any(kinds.to_vec()))
        .order(sessions::id.desc())
        .limit(PAGE)
        .select(Session::as_select())
        .into_boxed();
    // Each half has an index of its own.
    rows = if ended {
        rows.filter(sessions::revoked_at.is_not_null())
    } else {
        rows.filter(sessions::revoked_at.is_null())
    };
    if let Some(before) = before {
        rows = rows.filter(sessions::id.lt(before));
    }
    let found: Vec<Session> = rows.load(connection)?;
    let next = cursor(&found, |session| session.id);
    let record = |session: Session| SessionRecord {
        id: session.id,
        kind: session.kind,
        client: session.user_agent,
        application_id: session.application_id,
        scopes: session.scopes,
        device_name: session.device_name,
        last_network: session.last_network,
        created_at: Timestamp::from_millis(session.created_at),
        last_used_at: Timestamp::from_millis(session.last_used_at),
        expires_at: Timestamp::from_millis(session.expires_at),
        ended_at: session.revoked_at.map(Timestamp::from_millis),
    };
    Batch::of(found.into_iter().map(record), next)
}

/// Passkeys by name, oldest first; a member has few.
pub(super) fn passkeys(
    connection: &mut Connection,
    user: UserId,
) -> Result<Batch<()>, ExportError> {
    let found: Vec<(PasskeyId, String, i64, Option<i64>)> = passkeys::table
        .filter(passkeys::user_id.eq(user))
        .order(passkeys::id)
        .select((
            passkeys::id,
            passkeys::name,
            passkeys::created_at,
            passkeys::last_used_at,
        ))
        .load(connection)?;
    let record = |(id, name, created_at, last_used_at): (_, _, _, Option<i64>)| PasskeyRecord {
        id,
        name,
        created_at: Timestamp::from_millis(created_at),
        last_used_at: last_used_at.map(Timestamp::from_millis),
    };
    Batch::whole(found.into_iter().map(record))
}

/// Who the member is to other issuers, newest first.
pub(super) fn identities(
    connection: &mut Connection,
    user: UserId,
    before: Option<ExternalIdentityId>,
) -> Result<Batch<ExternalIdentityId>, ExportError> {
    let mut rows = external_identities::table
        .filter(external_identities::user_id.eq(user))
        .order(external_identities::id.desc())
        .limit(PAGE)
        .select((
            external_identities::id,
            external_identities::issuer,
            external_identities::subject,
            external_identities::created_at,
            external_identities::last_used_at,
        ))
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(external_identities::id.lt(before));
    }
    let found: Vec<(ExternalIdentityId, String, String, i64, i64)> = rows.load(connection)?;
    let next = cursor(&found, |(id, ..)| *id);
    let record = |(id, issuer, subject, created_at, last_used_at)| IdentityRecord {
        id,
        issuer,
        subject,
        created_at: Timestamp::from_millis(created_at),
        last_used_at: Timestamp::from_millis(last_used_at),
    };
    Batch::of(found.into_iter().map(record), next)
}

/// Invitations that the member made, newest first.
pub(super) fn invitations(
    connection: &mut Connection,
    user: UserId,
    before: Option<InviteId>,
) -> Result<Batch<InviteId>, ExportError> {
    let mut rows = invites::table
        .filter(invites::created_by.eq(user))
        .order(invites::id.desc())
        .limit(PAGE)
        .select((
            invites::id,
            invites::max_uses,
            invites::uses,
            invites::created_at,
            invites::expires_at,
        ))
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(invites::id.lt(before));
    }
    let found: Vec<(InviteId, i32, i32, i64, i64)> = rows.load(connection)?;
    let next = cursor(&found, |(id, ..)| *id);
    let record = |(id, max_uses, uses, created_at, expires_at)| InvitationRecord {
        id,
        max_uses,
        uses,
        created_at: Timestamp::from_millis(created_at),
        expires_at: Timestamp::from_millis(expires_at),
    };
    Batch::of(found.into_iter().map(record), next)
}
