//! Pings of members: a nudge to the sockets of another member, worth something for a moment.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::Connection;

use super::wire::PingEvent;
use crate::accounts;
use crate::accounts::circle;
use crate::accounts::model::User;
use crate::accounts::wire::UserView;
use crate::base::ids::UserId;
use crate::blocks;
use crate::notifications::model::NotificationKind;
use crate::notifications::preferences;
use crate::platform::ctx::Ctx;
use crate::platform::events::{EventLog, NewEvent, Topic};
use crate::platform::http::error::ApiError;

/// How long a ping is worth showing.
const LASTS: Duration = Duration::from_secs(30);
/// Pings of one member by another within [`WINDOW`] at most.
const MOST: u32 = 5;
const WINDOW: Duration = Duration::from_mins(1);
/// Members that one member pings within [`WINDOW`] at most.
const MOST_TARGETS: usize = 20;
/// Senders that are remembered at most (I11).
const MOST_SENDERS: usize = 5_000;

/// Who pinged whom at this process within the last minute; clones share it.
#[derive(Clone, Default)]
pub(super) struct Pings(Arc<Mutex<HashMap<UserId, Sent>>>);

/// Whom one member pinged.
type Sent = HashMap<UserId, Window>;

#[derive(Clone, Copy, Debug)]
struct Window {
    began: Timestamp,
    count: u32,
}

impl Window {
    fn lasts(&self, now: Timestamp) -> bool {
        self.began.plus(WINDOW) > now
    }
}

impl Pings {
    /// Counts a ping.
    fn take(&self, (me, target): (UserId, UserId), now: Timestamp) -> Result<(), ApiError> {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if senders.len() >= MOST_SENDERS && !senders.contains_key(&me) {
            senders.retain(|_, sent| sent.values().any(|window| window.lasts(now)));
            if senders.len() >= MOST_SENDERS {
                return Err(refused(WINDOW));
            }
        }
        let sent = senders.entry(me).or_default();
        sent.retain(|_, window| window.lasts(now));
        if sent.len() >= MOST_TARGETS && !sent.contains_key(&target) {
            return Err(refused(WINDOW));
        }
        let fresh = Window {
            began: now,
            count: 0,
        };
        let window = sent.entry(target).or_insert(fresh);
        if window.count >= MOST {
            return Err(refused(window.began.plus(WINDOW).since(now)));
        }
        window.count = window.count.saturating_add(1);
        Ok(())
    }
}

fn refused(wait: Duration) -> ApiError {
    ApiError::too_many_requests("You pinged them often: wait a little.", wait)
}

impl fmt::Debug for Pings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pings").finish_non_exhaustive()
    }
}

/// Pings a member of this node with whom one shares a conversation or a community. Who is not
/// reached, for whatever reason, is not told of.
pub(super) async fn send(
    ctx: &Ctx,
    pings: &Pings,
    me: UserId,
    target: UserId,
) -> Result<(), ApiError> {
    if me == target {
        let detail = "That is you.";
        return Err(ApiError::invalid("cannot_ping_oneself", detail));
    }
    let reaches = move |connection: &mut Connection| reach(connection, me, target);
    ctx.db().read(reaches).await?;
    // Ids of nobody, and of those who cannot be pinged, take no turn.
    pings.take((me, target), ctx.now())?;
    let held = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let (log, now) = (EventLog::begin(connection)?, held.now());
            reach(connection, me, target)?;
            if blocks::store::is_blocked(connection, me, target)? {
                return Err(blocks::model::blocked_by_you());
            }
            let passed = blocks::store::silencing_among(connection, me, &[target])?;
            let holds = preferences::effective(connection, target, (None, None), now)?;
            if !passed.is_empty() || !holds.lets(NotificationKind::Mention) {
                return Ok(());
            }
            let by = accounts::store::by_id(connection, me)?.ok_or_else(ApiError::not_found)?;
            // Of several pings by one person the last one counts, also for a device that comes back.
            let subject = format!("ping:{me}:{target}");
            log.retract(connection, &subject)?;
            let event = NewEvent {
                topic: Topic::User(target),
                op: "ping",
                effect: None,
                subject: Some(&subject),
            };
            let ping = PingEvent {
                user: UserView::new(&by, held.origin()),
                expires_at: now.plus(LASTS),
            };
            log.append(connection, &event, &ping, now)?;
            Ok(())
        })
        .await
}

/// Goes on only when `target` is a member of this node with whom one shares a place.
fn reach(connection: &mut Connection, me: UserId, target: UserId) -> Result<(), ApiError> {
    let user = accounts::store::by_id(connection, target)?;
    let user = user
        .filter(User::is_active)
        .ok_or_else(ApiError::not_found)?;
    if !user.is_local() {
        let detail = "Only members of this node can be pinged.";
        return Err(ApiError::invalid("not_of_this_node", detail));
    }
    if circle::share_a_place(connection, me, target)? {
        Ok(())
    } else {
        Err(ApiError::not_found())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_five_pings_a_minute() {
        let start = Timestamp::from_millis(1_795_190_734_032);
        let (alice, bob) = (UserId::new(start), UserId::new(start));
        let pings = Pings::default();
        for _ in 0..MOST {
            pings.take((alice, bob), start).unwrap();
        }
        let refused = pings.take((alice, bob), start).unwrap_err();
        assert_eq!(refused.code(), "too_many_requests");
        assert_eq!(refused.retry_after(), Some(WINDOW));
        pings.take((bob, alice), start).unwrap();
        pings.take((alice, bob), start.plus(WINDOW)).unwrap();
    }
    #[test]
    fn attack_a_sender_has_a_bounded_number_of_targets() {
        let start = Timestamp::from_millis(1_795_190_734_032);
        let (alice, bob) = (UserId::new(start), UserId::new(start));
        let pings = Pings::default();
        for _ in 0..MOST_TARGETS {
            pings.take((alice, UserId::new(start)), start).unwrap();
        }
        let refused = pings.take((alice, bob), start).unwrap_err();
        assert_eq!(refused.code(), "too_many_requests");
        pings.take((bob, alice), start).unwrap();
        pings.take((alice, bob), start.plus(WINDOW)).unwrap();
        // Only what is of the last minute is kept.
        let senders = pings.0.lock().unwrap();
        assert_eq!(senders[&alice].len(), 1);
    }
}
