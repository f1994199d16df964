//! How a socket gets its place at the bus without a gap or an overlap.
//!
//! First a subscription to the member's own topic, so that channels joined meanwhile are noticed;
//! then the end of the log, and after it the channels the rows name. Events up to that end, or to
//! where the bus stands if that is further, come from the log, later ones from the bus.

use federation_core::store::sql::DatabaseError;

use super::close::CloseReason;
use crate::base::ids::{ChannelId, UserId};
use crate::channels;
use crate::platform::ctx::Ctx;
use crate::platform::events::{self, Bus, Form, Resume, StoredEvent, Subscription, Topic};

/// Missed events read at once.
const BATCH: i64 = 256;

/// A place at the bus, with what has to be told before it.
pub(super) struct Place {
    pub(super) subscription: Subscription,
    /// What the bus hands on up to this number is told otherwise, or need not be.
    pub(super) position: i64,
    /// The first of the missed events; `None` when the log cannot tell or was not asked.
    pub(super) missed: Option<Vec<StoredEvent>>,
}

/// Places taken anew at most while permissions keep changing; then the client has to come back.
const TRIES: usize = 5;

/// Takes a place, and looks up what was missed since event number `resume`.
pub(super) async fn take(
    ctx: &Ctx,
    bus: &Bus,
    (user, form): (UserId, Form),
    only: Option<ChannelId>,
    resume: Option<i64>,
) -> Result<Place, CloseReason> {
    for _ in 0..TRIES {
        let Some((subscription, position)) = follow(ctx, bus, (user, form), only).await? else {
            continue;
        };
        let missed = match resume {
            Some(since) => missed(ctx, &subscription, only, since, position).await?,
            None => None,
        };
        return Ok(Place {
            subscription,
            position,
            missed,
        });
    }
    Err(CloseReason::Internal)
}

/// A subscription to all that the member may see; none when that changed while it was looked up.
async fn follow(
    ctx: &Ctx,
    bus: &Bus,
    (user, form): (UserId, Form),
    only: Option<ChannelId>,
) -> Result<Option<(Subscription, i64)>, CloseReason> {
    let subscription = bus
        .subscribe(user, only.map(Topic::Channel), form)
        .map_err(|_too_many| CloseReason::TooMany)?;
    let now = ctx.now();
    let (head, topics) = ctx
        .db()
        .read(move |c| {
            let head = events::head(c)?;
            let topics = match only {
                Some(id) => channels::access::topics_of(c, user, id, now)?,
                None => channels::access::topics(c, user, now)?,
            };
            Ok((head, topics))
        })
        .await
        .map_err(|error| failed(&error))?;
    if only.is_some() && topics.is_empty() {
        return Err(CloseReason::NoChannel);
    }
    let position = subscription.follow(topics).max(head);
    if position > head {
        // What the bus handed on meanwhile may have changed what the member sees.
        let topics = subscription.topics();
        let renewed = ctx
            .db()
            .read(move |c| events::renewed(c, &topics, head, position))
            .await;
        if renewed.map_err(|error| failed(&error))? {
            return Ok(None);
        }
    }
    Ok(Some((subscription, position)))
}

/// The next missed events after number `since`; `None` when the log does not reach back that far.
pub(super) async fn missed(
    ctx: &Ctx,
    subscription: &Subscription,
    only: Option<ChannelId>,
    since: i64,
    through: i64,
) -> Result<Option<Vec<StoredEvent>>, CloseReason> {
    let followed = subscription.topics();
    let topics = match only {
        Some(channel) => vec![Topic::Channel(channel)],
        None => followed.clone(),
    };
    let found = ctx
        .db()
        .read(move |c| events::resume(c, (&topics, &followed), since, through, BATCH))
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
