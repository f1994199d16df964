//! What can be done with accounts: one use case, one function, one transaction.

use federation_core::store::sql::Connection;

use super::announcements;
use super::circle;
use super::edits;
use super::error::AccountError;
use super::model::{ProfileChange, User};
use super::online::Online;
use super::presence::Presence;
use super::search;
use super::store;
use crate::base::ids::UserId;
use crate::base::page::{Page, PageQuery};
use crate::platform::ctx::Ctx;

/// The person of this id, unless they are gone.
///
/// # Errors
/// There is no such person.
pub async fn find(ctx: &Ctx, id: UserId) -> Result<User, AccountError> {
    let user = ctx
        .db()
        .read(move |connection| store::by_id(connection, id))
        .await?;
    user.filter(|user| user.deleted_at.is_none())
        .ok_or(AccountError::NotFound)
}

/// The person of this id, and whether they are there as far as `viewer` is told of that: members
/// see what they chose themselves, and who shares a conversation or a community with them.
///
/// # Errors
/// There is no such person.
pub async fn find_for(
    ctx: &Ctx,
    online: &Online,
    viewer: UserId,
    id: UserId,
) -> Result<(User, Option<Presence>), AccountError> {
    if viewer == id {
        let user = find(ctx, id).await?;
        let own = user.presence;
        return Ok((user, Some(own)));
    }
    let found = ctx
        .db()
        .read(move |connection| {
            let Some(user) = store::by_id(connection, id)? else {
                return Ok(None);
            };
            let is_told = user.is_local() && circle::share_a_place(connection, viewer, id)?;
            Ok::<_, AccountError>(Some((user, is_told)))
        })
        .await?;
    let (user, is_told) = found
        .filter(|(user, _)| user.deleted_at.is_none())
        .ok_or(AccountError::NotFound)?;
    Ok((user, is_told.then(|| online.status(id))))
}

/// Changes what a member says about themselves.
///
/// # Errors
/// A text breaks its rule.
pub async fn change_profile(
    ctx: &Ctx,
    id: UserId,
    change: ProfileChange,
) -> Result<User, AccountError> {
    let now = ctx.now();
    change.check(now)?;
    ctx.db()
        .write(move |connection| {
            edits::update_profile(connection, id, &change, now)?;
            announcements::note_status(connection, id, &change.profile)?;
            if change.is_shown() {
                announcements::note(connection, id, now)?;
            }
            store::by_id(connection, id)?.ok_or(AccountError::NotFound)
        })
        .await
}

/// Active people whose name or handle starts with `text`.
///
/// # Errors
/// The database failed.
pub async fn search(
    ctx: &Ctx,
    text: String,
    page: PageQuery<UserId>,
) -> Result<Page<User, UserId>, AccountError> {
    let read = move |connection: &mut Connection| search::search(connection, &text, &page);
    let mut found = ctx.db().read(read).await?;
    // People of silenced domains are in no list; the cursors stay as they are.
    let is_listed = |user: &User| {
        let domain = user.domain.as_deref();
        !domain.is_some_and(|domain| ctx.domains().is_silenced(domain))
    };
    found.items.retain(is_listed);
    Ok(found)
}
