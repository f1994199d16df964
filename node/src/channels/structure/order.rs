//! The order in which channels are shown.

use federation_core::store::sql::Connection;
use serde_json::json;

use super::actions::renew;
use super::store;
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, CommunityId};
use crate::base::permission::Permission;
use crate::channels::access;
use crate::channels::model::{Channel, ChannelKind};
use crate::communities::acts;
use crate::communities::authority::Authority;
use crate::communities::error::CommunityError;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// Shows channels in this order; those named change places among each other.
pub(super) async fn order(
    ctx: &Ctx,
    me: Acting,
    id: CommunityId,
    wanted: Vec<ChannelId>,
) -> Result<(), CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::inside(connection, id, me.id, now)?;
        authority.needs(Permission::ManageChannels)?;
        let seen = access::seen_of(connection, id, &authority.stands)?;
        let find = |wanted: &ChannelId| {
            let found = seen.iter().find(|(channel, _)| channel.id == *wanted);
            found
                .map(|(channel, _)| channel)
                .filter(|channel| channel.kind != ChannelKind::Thread)
        };
        let named: Option<Vec<&Channel>> = wanted.iter().map(find).collect();
        let named = named.ok_or(CommunityError::InvalidOrder)?;
        let mut places: Vec<i32> = named.iter().map(|channel| channel.position).collect();
        places.sort_unstable();
        let mut distinct = wanted.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() != wanted.len() {
            return Err(CommunityError::InvalidOrder);
        }
        let mut moved = false;
        for (channel, position) in named.iter().zip(places) {
            if channel.position != position {
                store::place(connection, channel.id, position)?;
                moved = true;
            }
        }
        if moved {
            let entry = me.entry("channel.order").on("community", &id);
            let entry = entry.change(None, Some(json!(wanted)));
            acts::record(connection, id, &entry, now)?;
            renew(&held, connection, &log, id)?;
        }
        Ok(())
    };
    ctx.db().write(write).await
}
