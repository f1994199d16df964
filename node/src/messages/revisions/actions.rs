//! Reading what a message said before.

use federation_core::store::sql::Connection;

use super::store;
use super::wire::RevisionView;
use crate::base::page::{Page, PageQuery};
use crate::base::permission::Permission;
use crate::channels::access;
use crate::communities::known::Known;
use crate::messages::actions::Place;
use crate::messages::showing::readable;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// What a message said before, the newest first.
///
/// # Errors
/// 404 when there is no such message for this member, 403 when they may not read back.
pub(super) async fn list(
    ctx: &Ctx,
    known: &Known,
    place: Place,
    query: PageQuery<i32>,
) -> Result<Page<RevisionView, i32>, ApiError> {
    let reader = (place.user, place.channel);
    access::check(ctx, known, reader, Permission::ReadHistory).await?;
    let read = move |connection: &mut Connection| {
        let (message, _) = readable(connection, &place)?;
        let found = store::page(connection, message.id, &query)?;
        Ok::<_, ApiError>(found.map(RevisionView::from))
    };
    ctx.db().read(read).await
}
