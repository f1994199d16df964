//! How a socket gets its place at the bus without a gap or an overlap.
//!
//! First a subscription to the member's own topic, so that channels joined meanwhile are noticed;
//! then the channels the rows name; then the position of the bus. Events up to that position come
//! from the log, later ones from the bus.

use federation_core::store::sql::DatabaseError;

use super::close::CloseReason;
use crate::base::ids::{ChannelId, UserId};
use crate::channels;
use crate::platform::ctx::Ctx;
use crate::platform::events::{self, Bus, Resume, StoredEvent, Subscription, Topic};

/// Missed events read at once.
const BATCH: i64 = 256;

/// A place at the bus, with what has to be told before it.
pub(super) struct Place {
    pub(super) subscription: Subscription,
    /// The bus hands on what comes after this number.
    pub(super) position: i64,
    /// The first of the missed events; `None` when the log cannot tell or was not asked.
    pub(super) missed: Option<Vec<StoredEvent>>,
}

/// Takes a place, and looks up what was missed since event number `resume`.
pub(super) async fn take(
    ctx: &Ctx,
    bus: &Bus,
    user: UserId,
    only: Option<ChannelId>,
    resume: Option<i64>,
) -> Result<Place, CloseReason> {
    let subscription = bus
        .subscribe(user, only.map(Topic::Channel))
        .map_err(|_too_many| CloseReason::TooMany)?;
    let channels = match only {
        Some(channel) => {
            let member = ctx
                .db()
                .read(move |c| channels::is_member(c, channel, user))
                .await;
            if !member.map_err(|error| failed(&error))? {
                return Err(CloseReason::NoChannel);
            }
            vec![channel]
        }
        None => ctx
            .db()
            .read(move |c| channels::of_member(c, user))
            .await
            .map_err(|error| failed(&error))?,
    };
    let position = subscription.follow(channels.into_iter().map(Topic::Channel));
    let missed = match resume {
        Some(since) => missed(ctx, &subscription, only, since, position).await?,
        None => None,
    };
    Ok(Place {
        subscription,
        position,
        missed,
    })
}

/// The next missed events after number `since`; `None` when the log does not reach back that far.
pub(super) async fn missed(
    ctx: &Ctx,
    subscription: &Subscription,
    only: Option<ChannelId>,
    since: i64,
    through: i64,
) -> Result<Option<Vec<StoredEvent>>, CloseReason> {
    let topics = match only {
        Some(channel) => vec![Topic::Channel(channel)],
        None => subscription.topics(),
    };
    let found = ctx
        .db()
        .read(move |c| events::resume(c, &topics, since, through, BATCH))
        .await;
    match found.map_err(|error| failed(&error))? {
        Resume::Missed(events) => Ok(Some(events)),
        Resume::TooOld => Ok(None),
    }
}

fn failed(error: &DatabaseError) -> CloseReason {
    tracing::warn!(%error, "cannot open a socket");
    CloseReason::Internal
}
