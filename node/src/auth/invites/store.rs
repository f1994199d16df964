//! All SQL on `invites`.

use std::time::Duration;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::{Value, json};

use crate::auth::error::AuthError;
use crate::auth::model::{OpaqueToken, hash_of};
use crate::base::ids::{InviteId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::platform::db::schema::invites;

/// Invitations of one member that are good at once.
const MOST: i64 = 100;

/// An invitation, without its code.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = invites)]
pub(super) struct Invite {
    pub(super) id: InviteId,
    pub(super) created_by: Option<UserId>,
    pub(super) max_uses: i32,
    pub(super) uses: i32,
    pub(super) created_at: i64,
    pub(super) expires_at: i64,
}

/// What a new invitation is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Who invites; `None` at the command line.
    pub by: Option<UserId>,
    /// Accounts that it is good for.
    pub uses: i32,
    /// How long it is good.
    pub lifetime: Duration,
}

impl Terms {
    /// What the audit log says of them.
    pub fn recorded(&self) -> Value {
        json!({"uses": self.uses, "expires_in": self.lifetime.as_secs()})
    }
}

/// Stores a new invitation on these terms.
///
/// # Errors
/// The database failed.
pub fn insert(
    connection: &mut Connection,
    code: &OpaqueToken,
    terms: Terms,
    now: Timestamp,
) -> Result<InviteId, DatabaseError> {
    let id = InviteId::new(now);
    diesel::insert_into(invites::table)
        .values((
            invites::id.eq(id),
            invites::code_hash.eq(code.hash()),
            invites::created_at.eq(now.as_millis()),
            invites::expires_at.eq(now.plus(terms.lifetime).as_millis()),
            invites::created_by.eq(terms.by),
            invites::max_uses.eq(terms.uses),
        ))
        .execute(connection)?;
    Ok(id)
}

/// Whether a member may make one more.
pub(super) fn has_room(
    connection: &mut Connection,
    member: UserId,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let good = invites::table
        .filter(invites::created_by.eq(member))
        .filter(invites::used_at.is_null())
        .filter(invites::expires_at.gt(now.as_millis()));
    let count: i64 = good.count().get_result(connection)?;
    Ok(count < MOST)
}

/// The invitation of this id.
pub(super) fn by_id(
    connection: &mut Connection,
    id: InviteId,
) -> Result<Option<Invite>, DatabaseError> {
    let row = invites::table.find(id).select(Invite::as_select());
    Ok(row.first(connection).optional()?)
}

/// Invitations, newest first.
pub(super) fn list(
    connection: &mut Connection,
    page: &PageQuery<InviteId>,
) -> Result<Page<Invite, InviteId>, DatabaseError> {
    let limit = page.limit();
    let mut rows = invites::table
        .select(Invite::as_select())
        .limit(i64::from(limit).saturating_add(1))
        .into_boxed();
    if let Some(before) = page.before {
        rows = rows.filter(invites::id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(invites::id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(invites::id.asc())
    } else {
        rows.order(invites::id.desc())
    };
    Ok(Page::newest_first(rows.load(connection)?, page, |invite| {
        invite.id
    }))
}

/// Takes an invitation back; whether there was one.
pub(super) fn remove(connection: &mut Connection, id: InviteId) -> Result<bool, DatabaseError> {
    Ok(diesel::delete(invites::table.find(id)).execute(connection)? == 1)
}

/// Uses the invitation behind `code` for a new account; answers which it is.
pub(in crate::auth) fn redeem(
    connection: &mut Connection,
    code: Option<&str>,
    user: UserId,
    now: Timestamp,
) -> Result<InviteId, AuthError> {
    let hash = hash_of(code.ok_or(AuthError::InvalidInvite)?);
    let good = invites::table
        .filter(invites::code_hash.eq(&hash))
        .filter(invites::used_at.is_null())
        .filter(invites::uses.lt(invites::max_uses))
        .filter(invites::expires_at.gt(now.as_millis()));
    let changed = diesel::update(good)
        .set((
            invites::uses.eq(invites::uses + 1),
            invites::used_by.eq(user),
        ))
        .execute(connection)?;
    if changed != 1 {
        return Err(AuthError::InvalidInvite);
    }
    let used_up = invites::table
        .filter(invites::code_hash.eq(&hash))
        .filter(invites::uses.ge(invites::max_uses));
    diesel::update(used_up)
        .set(invites::used_at.eq(now.as_millis()))
        .execute(connection)?;
    let row = invites::table
        .filter(invites::code_hash.eq(&hash))
        .select(invites::id);
    Ok(row.first(connection)?)
}
