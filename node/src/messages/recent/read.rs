//! What is remembered of channels, read from the rows.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::page::SIZE;
use super::{Held, Rendered};
use crate::accounts::wire::UserView;
use crate::base::ids::{ChannelId, CommunityId, MessageId, UserId};
use crate::base::page::PageQuery;
use crate::base::permission::Permission;
use crate::channels::access;
use crate::channels::structure::PROVISIONAL;
use crate::messages::showing::views;
use crate::messages::store;
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::messages;
use crate::platform::events::Topic;

/// Channels of one member that are looked through for the latest at most (I11).
const LOOKED_AT: usize = 500;

/// The newest messages of a channel, with the people in them as they look.
pub(super) fn read(
    ctx: &Ctx,
    connection: &mut Connection,
    (channel, community): (ChannelId, CommunityId),
    (as_of, commit): (i64, u64),
) -> Result<Held, DatabaseError> {
    let query = PageQuery {
        before: None,
        after: None,
        limit: Some(SIZE),
    };
    let found = store::page(connection, (channel, 0), &query)?;
    let (rows, more) = match found {
        Some(page) => (page.items, page.next.is_some()),
        None => (Vec::new(), false),
    };
    let ids: Vec<MessageId> = rows.iter().map(|message| message.id).collect();
    let mut seen: Vec<UserId> = rows.iter().map(|message| message.author_id).collect();
    let recipients = store::recipients(connection, &ids)?;
    seen.extend(recipients.values().flatten().map(|(_, user)| user.id));
    seen.sort_unstable();
    seen.dedup();
    // Before the messages are shown: whoever changes in between is found to have changed.
    let people = people_of(ctx, connection, &seen)?;
    let messages = views(ctx, connection, rows)?
        .iter()
        .map(|view| Ok((view.id, Rendered::new(view)?)))
        .collect::<Result<Vec<_>, DatabaseError>>()?;
    Ok(Held {
        community,
        as_of,
        checked: AtomicU64::new(commit),
        people,
        messages,
        more,
    })
}

/// How these people look.
pub(super) fn people_of(
    ctx: &Ctx,
    connection: &mut Connection,
    ids: &[UserId],
) -> Result<HashMap<UserId, UserView>, DatabaseError> {
    let found = store::people(connection, ids)?;
    let show = |(id, user)| (id, UserView::new(&user, ctx.origin()));
    Ok(found.into_iter().map(show).collect())
}

/// The channels among `topics` that a member may read back in and that were written in last, the latest
/// first; at most `limit`.
///
/// # Errors
/// The database failed.
pub fn lately(
    connection: &mut Connection,
    user: UserId,
    topics: &[Topic],
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Lately>, DatabaseError> {
    let channels = topics.iter().filter_map(|topic| match topic {
        Topic::Channel(id) => Some(*id),
        Topic::Community(_) | Topic::User(_) => None,
    });
    let mut written = Vec::new();
    for channel in channels.take(LOOKED_AT) {
        // One step into the index of each, however much is written there.
        let newest: Option<(i64, MessageId)> = messages::table
            .filter(messages::channel_id.eq(channel))
            .filter(messages::seq.lt(PROVISIONAL))
            .order(messages::seq.desc())
            .select((messages::created_at, messages::id))
            .first(connection)
            .optional()?;
        written.extend(newest.map(|newest| (newest, channel)));
    }
    written.sort_unstable_by(|one, other| other.cmp(one));
    let mut found = Vec::new();
    for ((at, _), channel) in written {
        if found.len() >= limit {
            break;
        }
        let seen = access::see(connection, user, channel, now)?;
        if seen.is_some_and(|seen| seen.permissions.contains(Permission::ReadHistory)) {
            found.push(Lately { channel, at });
        }
    }
    Ok(found)
}

/// A channel, and when it was last written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lately {
    /// Which.
    pub channel: ChannelId,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
}
