//! The calls to many people that reach one of them, found when they look.

use std::collections::{HashMap, HashSet};

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{ChannelId, MessageId, NotificationId, UserId};
use crate::base::page::PageQuery;
use crate::blocks;
use crate::messages::reading::places::{self, Membership};
use crate::messages::reading::store::marker;
use crate::notifications;
use crate::notifications::calls::{self, Called};
use crate::notifications::model::{Call, Effective, Notification};
use crate::notifications::preferences;

/// What is looked up once for all calls that one member is shown.
pub(super) struct Reader {
    user: UserId,
    now: Timestamp,
    mark: Option<NotificationId>,
    holds: HashMap<ChannelId, Effective>,
    markers: HashMap<ChannelId, i64>,
}

impl Reader {
    pub(super) fn new(
        connection: &mut Connection,
        user: UserId,
        now: Timestamp,
    ) -> Result<Self, DatabaseError> {
        Ok(Self {
            user,
            now,
            mark: notifications::store::mark(connection, user)?,
            holds: HashMap::new(),
            markers: HashMap::new(),
        })
    }

    /// The calls between the cursors that reach the member and that they have no row of, in no
    /// order; of each community the nearest ones alone.
    pub(super) fn calls(
        &mut self,
        connection: &mut Connection,
        page: &PageQuery<NotificationId>,
    ) -> Result<Vec<Notification>, DatabaseError> {
        let bounds = (
            page.before.and_then(message_of),
            page.after.and_then(message_of),
        );
        let mut found: HashMap<MessageId, Notification> = HashMap::new();
        for membership in places::memberships(connection, self.user, self.now)? {
            let forwards = page.is_forwards();
            let rows = calls::of_community(connection, membership.community, bounds, forwards)?;
            for called in self.reaching(connection, &membership, &rows)? {
                found.entry(called.0).or_insert(called.1);
            }
        }
        let messages: Vec<MessageId> = found.keys().copied().collect();
        for known in notifications::store::known(connection, self.user, &messages)? {
            found.remove(&known);
        }
        Ok(found.into_values().collect())
    }

    /// The call by one message, if it reaches the member.
    pub(super) fn call(
        &mut self,
        connection: &mut Connection,
        id: NotificationId,
    ) -> Result<Option<Notification>, DatabaseError> {
        let Some(message) = message_of(id) else {
            return Ok(None);
        };
        let rows = calls::of_message(connection, message)?;
        let Some(community) = rows.first().map(|called| called.community_id) else {
            return Ok(None);
        };
        let memberships = places::memberships(connection, self.user, self.now)?;
        let membership = memberships.iter().find(|one| one.community == community);
        let Some(membership) = membership else {
            return Ok(None);
        };
        let reaching = self.reaching(connection, membership, &rows)?;
        Ok(reaching.into_iter().next().map(|(_, call)| call))
    }

    fn reaching(
        &mut self,
        connection: &mut Connection,
        membership: &Membership,
        rows: &[Called],
    ) -> Result<Vec<(MessageId, Notification)>, DatabaseError> {
        let seen: HashSet<ChannelId> = membership.channels.iter().copied().collect();
        let authors: Vec<UserId> = rows.iter().map(|called| called.author_id).collect();
        let silenced = blocks::store::silenced_among(connection, self.user, &authors)?;
        let mut found = Vec::new();
        for called in rows {
            let call = match called.call() {
                Some(Call::Role(role)) if !membership.roles.contains(&role) => continue,
                Some(call) => call,
                None => continue,
            };
            let is_passed = called.author_id == self.user
                || called.created_at < membership.since
                || !seen.contains(&called.channel_id)
                || silenced.contains(&called.author_id);
            if is_passed || !self.holds(connection, called)?.lets(call.kind()) {
                continue;
            }
            let Ok(id) = called.message_id.as_str().parse::<NotificationId>() else {
                continue;
            };
            let is_read = self.mark.is_some_and(|mark| id <= mark)
                || called.seq <= self.marker(connection, called.channel_id)?;
            let notification = Notification {
                id,
                user_id: self.user,
                kind: call.kind(),
                actor_id: Some(called.author_id),
                community_id: Some(called.community_id),
                channel_id: Some(called.channel_id),
                message_id: Some(called.message_id),
                seq: Some(called.seq),
                ends_at: None,
                created_at: called.created_at,
                read_at: is_read.then_some(called.created_at),
                dismissed_at: None,
            };
            found.push((called.message_id, notification));
        }
        Ok(found)
    }

    fn holds(
        &mut self,
        connection: &mut Connection,
        called: &Called,
    ) -> Result<Effective, DatabaseError> {
        let channel = called.channel_id;
        if let Some(holds) = self.holds.get(&channel) {
            return Ok(*holds);
        }
        let of = (Some(channel), Some(called.community_id));
        let holds = preferences::effective(connection, self.user, of, self.now)?;
        self.holds.insert(channel, holds);
        Ok(holds)
    }

    fn marker(
        &mut self,
        connection: &mut Connection,
        channel: ChannelId,
    ) -> Result<i64, DatabaseError> {
        if let Some(seq) = self.markers.get(&channel) {
            return Ok(*seq);
        }
        let seq = marker(connection, self.user, channel)?.unwrap_or(0);
        self.markers.insert(channel, seq);
        Ok(seq)
    }
}

/// A call is listed under the id of its message.
fn message_of(id: NotificationId) -> Option<MessageId> {
    id.as_str().parse().ok()
}
