//! Deleting accounts, and looking at what came of it: one use case, one function, one transaction.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::json;

use super::federate::activity_id;
use super::model::{Deletion, REQUESTED};
use super::store;
use super::wire::DeletionView;
use crate::accounts;
use crate::accounts::acting::Acting;
use crate::accounts::authority::{self, Authority};
use crate::accounts::error::AccountError;
use crate::accounts::model::User;
use crate::accounts::standing;
use crate::auth;
use crate::auth::Auth;
use crate::auth::error::AuthError;
use crate::auth::proof::Proven;
use crate::base::ids::{DeletionId, SessionId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::privilege::Privilege;
use crate::config::Secret;
use crate::platform::audit::{self, By, Entry};
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// Ends an account in the transaction on `connection`: nobody signs in to it any more, what its
/// member said about themselves is gone, and the worker finds the rest to do.
///
/// Answers the sign-ins that ended, to be handed to the gate after the commit.
///
/// # Errors
/// It is the only owner's, of another node, or gone already.
pub fn end(
    connection: &mut Connection,
    user: &User,
    entry: Entry,
    now: Timestamp,
) -> Result<(DeletionId, Vec<SessionId>), AccountError> {
    if !user.is_local() {
        return Err(AccountError::NotOfThisNode);
    }
    authority::keep_an_owner(connection, user.id)?;
    let ended = auth::store::revoke_all_but(connection, user.id, None, now)?;
    auth::leaving::forget(connection, user.id)?;
    if !standing::erase(connection, user.id, now)? {
        return Err(AccountError::NotFound);
    }
    let deletion = Deletion {
        id: DeletionId::new(now),
        user_id: user.id,
        activity_id: activity_id(&user.actor_uri),
        requested_by: match entry.by {
            By::User(id) => Some(id),
            By::Command | By::System => None,
        },
        state: REQUESTED.to_owned(),
        requested_at: now.as_millis(),
        completed_at: None,
    };
    store::insert(connection, &deletion)?;
    let entry = entry.on("user", &user.id);
    let entry = entry.change(Some(json!({"username": user.username})), None);
    audit::record(connection, &entry, now)?;
    Ok((deletion.id, ended))
}

/// Deletes the account of the member who asks, once they have proven who they are.
pub(super) async fn delete_own(
    ctx: &Ctx,
    auth: &Auth,
    by: Acting,
    proven: &Proven,
    otp: Option<Secret<String>>,
) -> Result<DeletionId, ApiError> {
    let (held, shown) = (ctx.clone(), proven.clone());
    let outcome = ctx
        .db()
        .write(move |connection| {
            let now = held.now();
            let code = otp.as_ref().map(|otp| otp.expose().as_str());
            shown.second_factor(connection, &held, code)?;
            shown.hold(connection)?;
            let user = there(connection, by.id)?;
            Ok::<_, AuthError>(end(connection, &user, by.entry("user.delete"), now)?)
        })
        .await;
    if matches!(outcome, Err(AuthError::WrongOtp)) {
        proven.failed(ctx).await?;
    }
    let (deletion, ended) = outcome?;
    auth.gate.revoked(&ended);
    Ok(deletion)
}

/// Deletes the account of another member.
pub(super) async fn delete_other(
    ctx: &Ctx,
    auth: &Auth,
    by: Acting,
    id: UserId,
) -> Result<DeletionId, AccountError> {
    let now = ctx.now();
    let (deletion, ended) = ctx
        .db()
        .write(move |connection| {
            if id == by.id {
                // One's own account takes one's password.
                return Err(AccountError::OutOfReach);
            }
            let authority = Authority::of(connection, by.id, Privilege::DeleteUsers)?;
            let user = there(connection, id)?;
            authority.over(&user)?;
            end(connection, &user, by.entry("user.delete"), now)
        })
        .await?;
    auth.gate.revoked(&ended);
    Ok(deletion)
}

fn there(connection: &mut Connection, id: UserId) -> Result<User, AccountError> {
    let user = accounts::store::by_id(connection, id)?;
    user.filter(|user| user.deleted_at.is_none())
        .ok_or(AccountError::NotFound)
}

/// Deletions, newest first.
pub(super) async fn list(
    ctx: &Ctx,
    page: PageQuery<DeletionId>,
) -> Result<Page<DeletionView, DeletionId>, DatabaseError> {
    let held = ctx.clone();
    ctx.db()
        .read(move |connection| {
            let found = store::page(connection, &page)?;
            let ids: Vec<DeletionId> = found.items.iter().map(|(one, _)| one.id).collect();
            let mut confirmed = store::confirmations(connection, &ids)?;
            Ok(found.map(|(deletion, user)| {
                let confirmations = confirmed.remove(&deletion.id).unwrap_or_default();
                DeletionView::new(&deletion, &user, confirmations, held.origin())
            }))
        })
        .await
}

/// One deletion.
pub(super) async fn find(ctx: &Ctx, id: DeletionId) -> Result<DeletionView, AccountError> {
    let held = ctx.clone();
    ctx.db()
        .read(move |connection| {
            let (deletion, user) = store::by_id(connection, id)?.ok_or(AccountError::NotFound)?;
            let confirmed = store::confirmations(connection, &[id])?.remove(&id);
            let confirmed = confirmed.unwrap_or_default();
            Ok(DeletionView::new(
                &deletion,
                &user,
                confirmed,
                held.origin(),
            ))
        })
        .await
}
