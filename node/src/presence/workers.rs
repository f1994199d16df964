//! Background work of this feature: telling sockets who is there, and other processes who is here.

use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde::Serialize;
use tokio::sync::broadcast;

use super::actions;
use super::roll::Due;
use super::tracker::Tracker;
use super::wire::PresenceView;
use crate::accounts::circle;
use crate::accounts::model::User;
use crate::accounts::online::{Online, Shown};
use crate::accounts::store;
use crate::base::ids::UserId;
use crate::channels;
use crate::platform::cluster::{Cluster, Notice, Standing};
use crate::platform::ctx::Ctx;
use crate::platform::events::{Bus, Topic};

/// How often other processes are told of everybody here; several times within their lease.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(10);
/// How long what is asked for again and again waits, so that it is done once.
const SOON: Duration = Duration::from_secs(1);
/// Members in one notice to other processes.
const TOLD_AT_ONCE: usize = 500;
/// Members looked at in one read.
const LOOKED_AT_ONCE: usize = 100;
/// How long to wait after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Tells sockets and other processes who comes and goes, until the server ends.
pub async fn follow(ctx: Ctx, bus: Bus, tracker: Tracker) {
    let mut heard = ctx.cluster().listen();
    let work = Work {
        ctx: &ctx,
        bus: &bus,
        tracker: &tracker,
    };
    let shutdown = ctx.tasks().shutdown().clone();
    shutdown.run_until_cancelled(work.run(&mut heard)).await;
}

struct Work<'a> {
    ctx: &'a Ctx,
    bus: &'a Bus,
    tracker: &'a Tracker,
}

/// The next time that other processes are told of everybody here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Round {
    at: Timestamp,
    /// Whether they are asked whom they have.
    asks: bool,
}

impl Round {
    fn after(now: Timestamp) -> Self {
        Self {
            at: now.plus(ANNOUNCE_EVERY),
            asks: false,
        }
    }

    /// Comes soon, and no later however often it is hastened.
    fn hasten(&mut self, now: Timestamp) {
        self.at = self.at.min(now.plus(SOON));
    }
}

/// A member as the rows have them, to be told of.
struct Found {
    due: Due,
    shown: Shown,
    /// What they chose, for their own sockets.
    user: Option<User>,
    /// Who is told; read only when others see something else than before.
    topics: Vec<Topic>,
}

impl Work<'_> {
    async fn run(&self, heard: &mut broadcast::Receiver<Notice>) {
        let mut round = Round::after(self.ctx.now());
        // Redis may have been there before anybody listened.
        self.take_up(Notice::Missed, &mut round);
        loop {
            let planned = self.tracker.roll().next();
            // Who is alone announces nobody and has nobody to forget.
            let is_alone = self.ctx.cluster().standing() == Standing::Alone;
            let announcing = (!is_alone).then_some(round.at);
            let next = planned.into_iter().chain(announcing).min();
            tokio::select! {
                () = self.tracker.moved() => {}
                changed = self.tracker.online().changes() => self.chosen(changed),
                notice = Cluster::next(heard) => self.take_up(notice, &mut round),
                () = self.sleep_until(next) => {}
            }
            let now = self.ctx.now();
            self.announce_moves();
            if now >= round.at {
                let due = std::mem::replace(&mut round, Round::after(now));
                self.tracker.roll().expire(now);
                if due.asks {
                    self.announce(Notice::WhoIsHere);
                }
                let present = self.tracker.roll().present();
                self.announce_here(&present);
            }
            self.tell(now).await;
        }
    }

    async fn sleep_until(&self, moment: Option<Timestamp>) {
        match moment {
            Some(moment) => self.ctx.clock().sleep_until(moment).await,
            None => std::future::pending().await,
        }
    }

    /// Tells who is here only while that works: other processes ask when they come back.
    fn announce(&self, notice: Notice) {
        if self.ctx.cluster().standing() == Standing::Connected {
            self.ctx.cluster().tell(notice);
        }
    }

    fn announce_moves(&self) {
        let (came, went) = self.tracker.roll().take_moved();
        self.announce_here(&came);
        let process = self.tracker.process();
        for users in went.chunks(TOLD_AT_ONCE) {
            let users = users.to_vec();
            self.announce(Notice::MembersGone { process, users });
        }
    }

    fn announce_here(&self, users: &[UserId]) {
        let process = self.tracker.process();
        for users in users.chunks(TOLD_AT_ONCE) {
            let users = users.to_vec();
            self.announce(Notice::MembersHere { process, users });
        }
    }

    /// Members chose something else at this process.
    fn chosen(&self, users: impl IntoIterator<Item = UserId>) {
        for user in users {
            self.tracker.roll().chose(user, self.ctx.now());
            // Not `announce`: nobody asks for it, so what is lost has to be told of later.
            self.ctx.cluster().tell(Notice::PresenceChanged { user });
        }
    }

    fn take_up(&self, notice: Notice, round: &mut Round) {
        let now = self.ctx.now();
        match notice {
            Notice::MembersHere { process, users } => {
                self.tracker.roll().are_at(process, users, now);
            }
            Notice::MembersGone { process, users } => {
                self.tracker.roll().are_gone_from(process, &users, now);
            }
            Notice::PresenceChanged { user } => self.tracker.roll().chose(user, now),
            // Answered once, however many ask: answers that fill the queues would be missed again.
            Notice::WhoIsHere => round.hasten(now),
            Notice::Missed => {
                // Somebody may be invisible by now who is still shown here.
                self.tracker.roll().look_at_all(now.plus(SOON));
                round.hasten(now);
                round.asks = true;
            }
            _ => {}
        }
    }

    /// Looks at the members who are due, and tells those who are told of them.
    async fn tell(&self, now: Timestamp) {
        let due = self.tracker.roll().take_due(now);
        for due in due.chunks(LOOKED_AT_ONCE) {
            match self.look(due.to_vec(), now).await {
                Ok(found) => found.into_iter().for_each(|found| self.push(found, now)),
                Err(error) => {
                    tracing::warn!(%error, "cannot look up who is there");
                    self.tracker.roll().again(due, now.plus(AFTER_FAILURE));
                }
            }
        }
    }

    async fn look(&self, due: Vec<Due>, now: Timestamp) -> Result<Vec<Found>, DatabaseError> {
        let online = self.tracker.online().clone();
        self.ctx
            .db()
            .read(move |connection| {
                due.into_iter()
                    .map(|due| find(connection, &online, due, now))
                    .collect::<Result<Vec<_>, DatabaseError>>()
            })
            .await
    }

    fn push(&self, found: Found, now: Timestamp) {
        let Found {
            due,
            shown,
            user,
            topics,
        } = found;
        let online = self.tracker.online();
        let is_new = online.shown(due.user) != shown;
        if is_new {
            // Before the event: who connects in between finds it in `ready`.
            online.show(due.user, shown.clone());
            let text = frame(&PresenceView::new(due.user, shown));
            self.bus.whisper(topics, Some(due.user), &text);
        }
        let own = user.filter(|_| due.chose);
        if let Some(user) = &own {
            let text = frame(&actions::own(self.ctx, user));
            self.bus.whisper([Topic::User(user.id)], None, &text);
        }
        if is_new || own.is_some() {
            self.tracker.roll().told(due.user, now);
        }
    }
}

fn find(
    connection: &mut Connection,
    online: &Online,
    due: Due,
    now: Timestamp,
) -> Result<Found, DatabaseError> {
    let user = store::by_id(connection, due.user)?.filter(User::is_local);
    let shown = match &user {
        Some(user) => Shown::of(user, due.connected, now),
        None => Shown::offline(),
    };
    let topics = if online.shown(due.user) == shown {
        Vec::new()
    } else {
        told(connection, due.user)?
    };
    Ok(Found {
        due,
        shown,
        user,
        topics,
    })
}

/// Who is told of a member: those who share a conversation or a community with them.
fn told(connection: &mut Connection, user: UserId) -> Result<Vec<Topic>, DatabaseError> {
    let conversations = channels::store::of_member(connection, user)?;
    let communities = circle::communities_of(connection, user)?;
    let communities = communities.into_iter().map(Topic::Community);
    let topics = conversations.into_iter().map(Topic::Channel);
    Ok(topics.chain(communities).collect())
}

#[derive(Serialize)]
struct Whisper<'a> {
    op: &'static str,
    d: &'a PresenceView,
}

fn frame(d: &PresenceView) -> Utf8Bytes {
    // Ids and texts always serialise.
    let text = serde_json::to_string(&Whisper { op: "presence", d });
    text.unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_who_ask_are_answered_once_and_soon() {
        let start = Timestamp::from_millis(1_795_190_734_032);
        let mut round = Round::after(start);
        assert_eq!(round.at, start.plus(ANNOUNCE_EVERY));
        for millis in 0..900 {
            round.hasten(start.plus(Duration::from_millis(millis)));
        }
        assert_eq!(round.at, start.plus(SOON));
        let late = start.plus(ANNOUNCE_EVERY);
        let mut round = Round::after(start);
        round.hasten(late);
        assert_eq!(round.at, late);
    }
}
