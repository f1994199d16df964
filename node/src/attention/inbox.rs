//! The notifications of a member: listed, counted, read and dismissed.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::called::Reader;
use super::wire::{DismissedView, NotificationCount, ReadEvent, ReadNotifications};
use crate::base::ids::{ChannelId, MessageId, NotificationId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::channels::access;
use crate::messages;
use crate::notifications::model::{Notification, NotificationKind};
use crate::notifications::store::{self, Filter};
use crate::notifications::unread;
use crate::notifications::wire::NotificationView;
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::messages as rows_of_messages;
use crate::platform::events::{EventLog, NewEvent, Topic};
use crate::platform::http::error::ApiError;

/// Unread notifications that are counted; more are not told apart.
const COUNTED: usize = 1_000;
/// Characters of a message that are shown with its notification.
const EXCERPT: usize = 200;
/// Notifications that are read by one request at most, when they are named.
const MOST_NAMED: usize = 100;

/// What a member is told of, newest first. What is in a channel, or of a message, that they see no
/// longer is left out, so that a page may be shorter than asked for.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    filter: Filter,
    query: PageQuery<NotificationId>,
) -> Result<Page<NotificationView, NotificationId>, ApiError> {
    let held = ctx.clone();
    ctx.db()
        .read(move |connection| {
            let now = held.now();
            let mut found = store::search(connection, me, filter, &query)?;
            if lists_calls(filter) {
                let calls = Reader::new(connection, me, now)?.calls(connection, &query)?;
                let wanted = |call: &Notification| {
                    filter.kind.is_none_or(|kind| kind == call.kind)
                        && !(filter.unread && call.read_at.is_some())
                };
                found.extend(calls.into_iter().filter(wanted));
            }
            if query.is_forwards() {
                found.sort_unstable_by_key(|one| one.id);
            } else {
                found.sort_unstable_by_key(|one| std::cmp::Reverse(one.id));
            }
            let limit = usize::try_from(query.limit()).unwrap_or(usize::MAX);
            found.truncate(limit.saturating_add(1));
            let page = Page::newest_first(found, &query, |one| one.id);
            let Page { items, next, prev } = page;
            Ok(Page {
                items: show(&held, connection, me, items)?,
                next,
                prev,
            })
        })
        .await
}

fn lists_calls(filter: Filter) -> bool {
    matches!(
        filter.kind,
        None | Some(NotificationKind::Everyone | NotificationKind::Role)
    )
}

/// Which channels somebody sees, and from which message on, each looked up once.
struct Sight {
    user: UserId,
    now: Timestamp,
    known: HashMap<ChannelId, Option<i64>>,
}

impl Sight {
    fn new(user: UserId, now: Timestamp) -> Self {
        Self {
            user,
            now,
            known: HashMap::new(),
        }
    }

    /// Whether they see the message at this place, or what is told of no message.
    fn sees(
        &mut self,
        connection: &mut Connection,
        (channel, seq): (Option<ChannelId>, Option<i64>),
    ) -> Result<bool, DatabaseError> {
        let Some(channel) = channel else {
            return Ok(true);
        };
        let from = if let Some(from) = self.known.get(&channel) {
            *from
        } else {
            let seen = access::see(connection, self.user, channel, self.now)?;
            let from = seen.map(|seen| seen.visible_from);
            self.known.insert(channel, from);
            from
        };
        Ok(from.is_some_and(|from| seq.is_none_or(|seq| seq >= from)))
    }
}

fn show(
    ctx: &Ctx,
    connection: &mut Connection,
    me: UserId,
    items: Vec<Notification>,
) -> Result<Vec<NotificationView>, DatabaseError> {
    let mut sight = Sight::new(me, ctx.now());
    let mut seen = Vec::with_capacity(items.len());
    for item in items {
        if sight.sees(connection, (item.channel_id, item.seq))? {
            seen.push(item);
        }
    }
    let said: Vec<MessageId> = seen.iter().filter_map(|one| one.message_id).collect();
    let said: Vec<(MessageId, String)> = rows_of_messages::table
        .filter(rows_of_messages::id.eq_any(&said))
        .filter(rows_of_messages::deleted_at.is_null())
        .select((rows_of_messages::id, rows_of_messages::content))
        .load(connection)?;
    let said: HashMap<MessageId, String> = said.into_iter().collect();
    let people: HashSet<UserId> = seen.iter().filter_map(|one| one.actor_id).collect();
    let people: Vec<UserId> = people.into_iter().collect();
    let people = messages::store::people(connection, &people)?;
    let view = |one: &Notification| {
        let actor = one.actor_id.and_then(|id| people.get(&id));
        let content = one.message_id.and_then(|id| said.get(&id));
        let excerpt = content.map(|text| text.chars().take(EXCERPT).collect());
        NotificationView::new(one, actor, excerpt, ctx.origin())
    };
    Ok(seen.iter().map(view).collect())
}

/// How many unread notifications a member has that they may see.
pub(super) async fn count(ctx: &Ctx, me: UserId) -> Result<NotificationCount, ApiError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| {
            let limit = i64::try_from(COUNTED).unwrap_or(i64::MAX).saturating_add(1);
            let mut sight = Sight::new(me, now);
            let mut count: usize = 0;
            for place in unread::places(connection, me, limit)? {
                if sight.sees(connection, place)? {
                    count = count.saturating_add(1);
                }
            }
            let all = PageQuery {
                before: None,
                after: None,
                limit: None,
            };
            let calls = Reader::new(connection, me, now)?.calls(connection, &all)?;
            let waiting = calls.iter().filter(|call| call.read_at.is_none()).count();
            let count = count.saturating_add(waiting);
            Ok(NotificationCount {
                count: count.min(COUNTED),
                more: count > COUNTED,
            })
        })
        .await
}

/// Marks notifications as read: some, all up to one, or all.
pub(super) async fn read(ctx: &Ctx, me: UserId, body: ReadNotifications) -> Result<(), ApiError> {
    let named = body.ids.as_ref().map_or(0, Vec::len);
    let ways = [body.ids.is_some(), body.up_to.is_some(), body.all];
    if ways.iter().filter(|way| **way).count() != 1 || named > MOST_NAMED {
        let detail = "Name one of ids (100 at most), up_to and all.";
        return Err(ApiError::invalid("invalid_selection", detail));
    }
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            let up_to = if body.all {
                Some(NotificationId::new(now))
            } else {
                body.up_to
            };
            if let Some(up_to) = up_to {
                store::read_up_to(connection, me, up_to, now)?;
            }
            let ids = body.ids.clone().unwrap_or_default();
            store::read_these(connection, me, &ids, now)?;
            for id in &ids {
                if store::by_id(connection, me, *id)?.is_none() {
                    keep(connection, me, *id, now)?;
                }
            }
            let read = ReadEvent { ids, up_to };
            tell(connection, &log, me, ("notification.read", &read), now)?;
            Ok::<_, ApiError>(())
        })
        .await
}

/// Makes a row of the call with this id, read, when it reaches the member.
fn keep(
    connection: &mut Connection,
    me: UserId,
    id: NotificationId,
    now: Timestamp,
) -> Result<Option<Notification>, DatabaseError> {
    let call = Reader::new(connection, me, now)?.call(connection, id)?;
    let Some(mut call) = call else {
        return Ok(None);
    };
    call.read_at = Some(now.as_millis());
    // Who is named in the message has a row of it already, and no call.
    let is_new = store::insert(connection, &call)?;
    Ok(is_new.then_some(call))
}

/// Takes a notification away.
pub(super) async fn dismiss(ctx: &Ctx, me: UserId, id: NotificationId) -> Result<(), ApiError> {
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            let found = match store::by_id(connection, me, id)? {
                Some(found) => Some(found),
                None => keep(connection, me, id, now)?,
            };
            let found = found.filter(|one| one.dismissed_at.is_none());
            let found = found.ok_or_else(ApiError::not_found)?;
            store::dismiss(connection, &found, now)?;
            let gone = DismissedView { id };
            tell(connection, &log, me, ("notification.deleted", &gone), now)?;
            Ok::<_, ApiError>(())
        })
        .await
}

/// Tells the sockets of the member alone.
pub(super) fn tell(
    connection: &mut Connection,
    log: &EventLog,
    me: UserId,
    (op, data): (&'static str, &impl serde::Serialize),
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let event = NewEvent {
        topic: Topic::User(me),
        op,
        effect: None,
        subject: None,
    };
    log.append(connection, &event, data, now)?;
    Ok(())
}
