//! What can be done with presence: choose one's own, and see who is there.

use federation_core::store::sql::DatabaseError;

use super::wire::{OnlineView, PresenceView};
use crate::accounts::circle;
use crate::accounts::error::AccountError;
use crate::accounts::model::User;
use crate::accounts::online::{self, Online};
use crate::accounts::presence::Presence;
use crate::accounts::standing;
use crate::accounts::store;
use crate::base::ids::{ChannelId, UserId};
use crate::platform::ctx::Ctx;

/// Members who are there that are looked through for one member at most (I11).
const MOST_LOOKED_AT: usize = 20_000;
/// Members in one list of those who are there at most (I11).
pub const MOST_LISTED: usize = 1000;

/// Stores what a member chose; others are told soon, also when the caller is gone before the end.
///
/// # Errors
/// It is nothing that members choose.
pub async fn choose(
    ctx: &Ctx,
    online: &Online,
    user: UserId,
    status: &str,
) -> Result<PresenceView, AccountError> {
    let presence = Presence::chosen(status).ok_or(AccountError::InvalidPresence)?;
    let db = ctx.db().clone();
    let stored = online.change(ctx, user, async move {
        let set = db.write(move |connection| {
            standing::set_presence(connection, user, presence)?;
            store::by_id(connection, user)?.ok_or(AccountError::NotFound)
        });
        set.await
    });
    Ok(own(ctx, &stored.await?))
}

/// What a member sees of their own presence: what they chose.
pub fn own(ctx: &Ctx, user: &User) -> PresenceView {
    PresenceView {
        user_id: user.id,
        status: user.presence,
        custom_status: online::present(user.profile.status.as_ref(), ctx.now()),
    }
}

/// Who is there of those whom a member shares a conversation or a community with, or of those in one
/// channel of theirs.
///
/// # Errors
/// The database failed.
pub async fn seen_by(
    ctx: &Ctx,
    online: &Online,
    user: UserId,
    only: Option<ChannelId>,
) -> Result<OnlineView, DatabaseError> {
    let present = online.list(MOST_LOOKED_AT);
    let known = ctx
        .db()
        .read(move |c| circle::acquaintances(c, user, only, &present))
        .await?;
    let there = online.among(&known);
    let count = there.len();
    let now = ctx.now();
    let members = there
        .into_iter()
        .take(MOST_LISTED)
        .map(|(user, mut shown)| {
            shown.custom_status = online::present(shown.custom_status.as_ref(), now);
            PresenceView::new(user, shown)
        })
        .collect();
    Ok(OnlineView { count, members })
}
