//! What a new node begins with: the default community, with one channel.

use federation_core::store::sql::Connection;

use super::store;
use crate::base::ids::ChannelId;
use crate::channels::model::{Channel, ChannelKind, actor_of};
use crate::communities;
use crate::communities::error::CommunityError;
use crate::platform::ctx::Ctx;

/// The name of the first channel.
const FIRST: &str = "general";

/// Makes the default community and its first channel, unless there is one.
///
/// # Errors
/// The database failed.
pub async fn ensure_default(ctx: &Ctx) -> Result<(), CommunityError> {
    let known = ctx.db().read(communities::store::default).await?;
    if known.is_some() {
        return Ok(());
    }
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        if let Some(id) = communities::actions::ensure_default(&held, connection)? {
            let now = held.now();
            let channel = ChannelId::new(now);
            let first = Channel {
                kind: ChannelKind::Text,
                name: Some(FIRST.to_owned()),
                community_id: Some(id),
                position: 1,
                actor_uri: Some(actor_of(held.origin(), channel)),
                ..Channel::conversation(channel, now.as_millis())
            };
            store::insert(connection, &first)?;
        }
        Ok::<(), CommunityError>(())
    };
    ctx.db().write(write).await
}
