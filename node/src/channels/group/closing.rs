//! The worker that puts out followers of channels which other nodes may know of no longer.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use futures_util::FutureExt as _;

use crate::base::ids::CommunityId;
use crate::channels::reach;
use crate::channels::store;
use crate::communities;
use crate::communities::model::Community;
use crate::groups;
use crate::groups::model::Follower;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::rounds;

/// Communities looked at in one round.
const AT_ONCE: i64 = 20;
/// Followers put out in one transaction, so that nobody waits long behind it.
const STEP: i64 = 50;

/// Puts out who follows a channel that was closed, until the server stops.
pub async fn work(ctx: Ctx) {
    let held = ctx.clone();
    let round = move || {
        let ctx = held.clone();
        async move { round(&ctx).await }.boxed()
    };
    rounds::run(ctx, "put out who follows a closed channel", round).await;
}

async fn round(ctx: &Ctx) -> Result<Option<Timestamp>, DatabaseError> {
    let read = |connection: &mut Connection| groups::store::checks(connection, AT_ONCE);
    let noted = ctx.db().read(read).await?;
    for id in &noted {
        loop {
            let (held, id) = (ctx.clone(), *id);
            let write = move |connection: &mut Connection| close_some(&held, connection, id);
            let more = ctx.db().write(write).await?;
            if !more || ctx.tasks().shutdown().is_cancelled() {
                break;
            }
        }
    }
    Ok((!noted.is_empty()).then(|| ctx.now()))
}

/// Puts out a few who follow a closed channel of a community; whether there may be more.
fn close_some(
    ctx: &Ctx,
    connection: &mut Connection,
    id: CommunityId,
) -> Result<bool, DatabaseError> {
    let log = EventLog::begin(connection)?;
    if let Some(community) = communities::store::by_id(connection, id)? {
        for channel in groups::store::followed_of(connection, id)? {
            let Some(channel) = store::by_id(connection, channel)? else {
                continue;
            };
            if reach::is_public(connection, &channel, ctx.now())? {
                continue;
            }
            for follower in groups::store::followers(connection, channel.id, STEP)? {
                groups::federate::close(ctx, connection, &follower)?;
                leave(ctx, connection, &log, (&community, &follower))?;
            }
            return Ok(true);
        }
    }
    groups::store::checked(connection, id)?;
    Ok(false)
}

/// Who follows nothing of a community any more is no longer in it.
fn leave(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (community, follower): (&Community, &Follower),
) -> Result<(), DatabaseError> {
    let user = follower.user_id;
    if groups::store::followed_in(connection, community.id, user)?.is_empty() {
        communities::remote::leave(ctx, connection, log, community, user)?;
    }
    Ok(())
}
