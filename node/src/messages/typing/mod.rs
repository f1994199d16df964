//! Who is writing at this moment: told once to those who see the channel, and kept in no row.
//!
//! It is worth something now or not at all. It has no number, is not told to a client that reads
//! slowly, and other processes hear of it only while Redis is there.

mod routes;
mod turns;
mod wire;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use federation_core::store::sql::Connection;

use self::turns::Turns;
use self::wire::TypingView;
use crate::base::ids::{ChannelId, UserId};
use crate::base::permission::Permission;
use crate::channels;
use crate::channels::access;
use crate::communities::error::CommunityError;
use crate::communities::known::Known;
use crate::messages::apart::are_apart;
use crate::platform::cluster::{Cluster, Notice};
use crate::platform::ctx::Ctx;
use crate::platform::events::{Bus, Topic};

pub(super) use self::routes::router;
pub use self::wire::StartTyping;

/// Tells who is writing; clones share it.
#[derive(Clone)]
pub struct Typing(Arc<Shared>);

struct Shared {
    turns: Mutex<Turns>,
    bus: Bus,
}

impl Typing {
    /// Nobody is writing; `bus` carries it to sockets.
    pub fn new(bus: Bus) -> Self {
        Self(Arc::new(Shared {
            turns: Mutex::default(),
            bus,
        }))
    }

    /// A member is writing in a channel: the others who see it are told, once in a few seconds.
    ///
    /// # Errors
    /// They do not see the channel, or may not write there.
    pub async fn begin(
        &self,
        ctx: &Ctx,
        known: &Known,
        user: UserId,
        channel: ChannelId,
    ) -> Result<(), CommunityError> {
        access::check(ctx, known, (user, channel), Permission::SendMessages).await?;
        let is_due = self.turns().take(user, channel, ctx.now());
        if !is_due {
            return Ok(());
        }
        let look =
            move |connection: &mut Connection| match channels::store::by_id(connection, channel)? {
                Some(known) => are_apart(connection, &known, user),
                None => Ok(true),
            };
        // Of two of whom one blocked the other neither hears of it.
        if !ctx.db().read(look).await? {
            self.tell(user, channel);
            ctx.cluster().mention(Notice::Typing { user, channel });
        }
        Ok(())
    }

    /// Their message is there: when they write again, it is told at once.
    pub fn ended(&self, user: UserId, channel: ChannelId) {
        self.turns().end(user, channel);
    }

    fn tell(&self, user: UserId, channel: ChannelId) {
        let view = TypingView {
            channel_id: channel,
            user_id: user,
        };
        let topics = [Topic::Channel(channel)];
        self.0.bus.whisper(topics, Some(user), &view.frame());
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the sockets of this process who is writing at others, until the server ends.
///
/// # Security
/// The other process judged whether they may. What comes more often than that process would say it
/// is not told.
pub async fn follow(ctx: Ctx, typing: Typing) {
    let mut heard = ctx.cluster().listen();
    let follow = async {
        loop {
            if let Notice::Typing { user, channel } = Cluster::next(&mut heard).await
                && typing.turns().take(user, channel, ctx.now())
            {
                typing.tell(user, channel);
            }
        }
    };
    ctx.tasks().shutdown().run_until_cancelled(follow).await;
}

impl fmt::Debug for Typing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Typing").finish_non_exhaustive()
    }
}
