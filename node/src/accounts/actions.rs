//! What can be done with accounts: one use case, one function, one transaction.

use super::announcements;
use super::edits;
use super::error::AccountError;
use super::model::{ProfileChange, User};
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
    ctx.db()
        .read(move |connection| Ok(search::search(connection, &text, &page)?))
        .await
}
