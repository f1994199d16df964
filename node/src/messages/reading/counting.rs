//! Counts what is unread, at a cost that does not grow with the channel.

use std::collections::{HashMap, HashSet};

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::places::Place;
use super::store;
use crate::base::ids::{ChannelId, UserId};
use crate::blocks;
use crate::notifications;
use crate::notifications::calls::{self, Called};
use crate::notifications::model::{Call, Effective, NotificationKind};
use crate::notifications::preferences;

/// Unread messages of one channel that are counted; more are not told apart.
pub const COUNTED: usize = 1_000;
/// Channels that are looked at in one query.
const AT_ONCE: usize = 500;

/// What is unread in one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Messages of others, without those whom the member blocked or muted.
    pub unread: usize,
    /// Whether there are more than were counted.
    pub more: bool,
    /// How many of them are for the member: mentions, answers and calls; in a conversation all.
    pub mentions: usize,
    /// What the member chose.
    pub holds: Effective,
}

/// Those places where there is something after the marker of the member, with that marker.
///
/// # Errors
/// The database failed.
pub fn moved<'a>(
    connection: &mut Connection,
    user: UserId,
    places: &[Place<'a>],
) -> Result<Vec<(Place<'a>, Option<i64>)>, DatabaseError> {
    let mut found = Vec::new();
    for some in places.chunks(AT_ONCE) {
        let ids: Vec<ChannelId> = some.iter().map(|place| place.channel).collect();
        let heads = store::heads(connection, &ids)?;
        let heads: HashMap<ChannelId, store::Head> =
            heads.into_iter().map(|head| (head.channel, head)).collect();
        let markers = store::markers(connection, user, &ids)?;
        for place in some {
            let Some(head) = heads.get(&place.channel) else {
                continue;
            };
            let marker = markers.get(&place.channel).copied();
            let is_moved = match place.after(marker) {
                Some(seq) => head.seq > seq,
                None => head.created_at >= place.since(),
            };
            if is_moved {
                found.push((*place, marker));
            }
        }
    }
    Ok(found)
}

/// Counts what is unread in one place.
///
/// # Errors
/// The database failed.
pub fn count(
    connection: &mut Connection,
    user: UserId,
    place: &Place<'_>,
    marker: Option<i64>,
    now: Timestamp,
) -> Result<Counted, DatabaseError> {
    let community = place.community();
    let of = (Some(place.channel), community);
    let holds = preferences::effective(connection, user, of, now)?;
    let limit = i64::try_from(COUNTED).unwrap_or(i64::MAX).saturating_add(1);
    let authors: Vec<UserId> = if let Some(seq) = place.after(marker) {
        store::authors_after(connection, place.channel, seq, limit)?
    } else {
        let newest = store::newest_authors(connection, place.channel, limit)?;
        let since = place.since();
        let after = newest.into_iter().take_while(|(_, at)| *at >= since);
        after.map(|(author, _)| author).collect()
    };
    let more = authors.len() > COUNTED;
    let distinct: HashSet<UserId> = authors.iter().copied().collect();
    let distinct: Vec<UserId> = distinct.into_iter().collect();
    let silenced = blocks::store::silenced_among(connection, user, &distinct)?;
    let counts = |author: &&UserId| **author != user && !silenced.contains(*author);
    let unread = authors.iter().filter(counts).count().min(COUNTED);
    let mentions = if unread == 0 {
        0
    } else if community.is_none() {
        if holds.lets(NotificationKind::DirectMessage) {
            unread
        } else {
            named(connection, user, place, holds)?
        }
    } else {
        let called = called(connection, user, place, (marker, holds))?;
        named(connection, user, place, holds)?.saturating_add(called)
    };
    Ok(Counted {
        unread,
        more,
        mentions: mentions.min(COUNTED),
        holds,
    })
}

/// How many unread messages name the member or answer them.
fn named(
    connection: &mut Connection,
    user: UserId,
    place: &Place<'_>,
    holds: Effective,
) -> Result<usize, DatabaseError> {
    if !holds.lets(NotificationKind::Mention) {
        return Ok(0);
    }
    let from = (place.channel, place.visible_from);
    notifications::unread::count_in(connection, user, from)
}

/// How many unread messages call the member as one of many.
fn called(
    connection: &mut Connection,
    user: UserId,
    place: &Place<'_>,
    (marker, holds): (Option<i64>, Effective),
) -> Result<usize, DatabaseError> {
    let Some(membership) = place.membership else {
        return Ok(0);
    };
    if !holds.lets(NotificationKind::Everyone) {
        return Ok(0);
    }
    let rows = calls::in_channel(connection, place.channel, marker.unwrap_or(0))?;
    let reaches = |called: &&Called| {
        called.author_id != user
            && called.created_at >= membership.since
            && match called.call() {
                Some(Call::Everyone) => true,
                Some(Call::Role(role)) => membership.roles.contains(&role),
                None => false,
            }
    };
    let reaching: Vec<&Called> = rows.iter().filter(reaches).collect();
    let authors: Vec<UserId> = reaching.iter().map(|called| called.author_id).collect();
    let silenced = blocks::store::silenced_among(connection, user, &authors)?;
    let mut messages: Vec<_> = reaching
        .iter()
        .filter(|called| !silenced.contains(&called.author_id))
        .map(|called| called.message_id)
        .collect();
    messages.sort_unstable();
    messages.dedup();
    // Who is named beside that, or has read or dismissed the call, has a row of their own.
    let known = notifications::store::known(connection, user, &messages)?;
    Ok(messages.len().saturating_sub(known.len()))
}
