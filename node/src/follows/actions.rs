//! What members do with follows: one use case, one function, one transaction.

use federation_core::store::sql::{Connection, DatabaseError};

use super::error::FollowError;
use super::federate;
use super::model::{Follow, Side};
use super::store;
use crate::accounts;
use crate::accounts::error::AccountError;
use crate::accounts::model::User;
use crate::base::ids::{FollowId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::blocks;
use crate::notifications;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::people::People;

/// Finds a person of any node.
///
/// # Errors
/// Nobody is found under that name.
pub async fn resolve(ctx: &Ctx, people: &dyn People, handle: &str) -> Result<User, FollowError> {
    let found = accounts::resolve::resolve(ctx, people, handle).await?;
    Ok(found.user)
}

/// Follows a person of any node; once asked, the follow that is there is answered.
///
/// Members of this node are followed at once, others when their node accepts.
///
/// # Errors
/// Nobody is found under that name, or it is one's own, or one of the two blocked the other.
pub async fn follow(
    ctx: &Ctx,
    people: &dyn People,
    me: UserId,
    handle: &str,
) -> Result<(Follow, User), FollowError> {
    let found = accounts::resolve::resolve(ctx, people, handle).await?;
    if found.user.id == me {
        return Err(FollowError::Oneself);
    }
    let now = ctx.now();
    let id = FollowId::new(now);
    let wanted = Follow {
        id,
        follower_id: me,
        followee_id: found.user.id,
        activity_id: federate::follow_uri(ctx.origin(), id).into(),
        created_at: now.as_millis(),
        accepted_at: found.actor.is_none().then_some(now.as_millis()),
    };
    let (target, held) = (found.user, ctx.clone());
    let follow = ctx
        .db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            blocks::store::keep_apart(connection, me, wanted.followee_id)?;
            if !store::insert_if_absent(connection, &wanted)? {
                let known = store::between(connection, me, wanted.followee_id)?;
                return Ok::<_, FollowError>(known.unwrap_or_else(|| wanted.clone()));
            }
            let follower = accounts::store::by_id(connection, me)?;
            let follower = follower.ok_or(AccountError::NotFound)?;
            if let Some(actor) = &found.actor {
                federate::send_follow(connection, &wanted, &follower, actor, now)?;
            } else {
                notifications::of_follow(&held, connection, &log, &follower, wanted.followee_id)?;
            }
            Ok(wanted.clone())
        })
        .await?;
    Ok((follow, target))
}

/// Stops following a person; nothing happens when they are not followed.
///
/// Their node need not be there: what is known of them suffices.
///
/// # Errors
/// Nobody is known under that name.
pub async fn unfollow(ctx: &Ctx, me: UserId, handle: &str) -> Result<(), FollowError> {
    let target = accounts::resolve::known(ctx, handle).await?;
    let held = ctx.clone();
    ctx.db()
        .write(move |connection| Ok(take_back(&held, connection, me, &target)?))
        .await
}

/// Takes the follow of a member back, if there is one; their own node is told.
fn take_back(
    ctx: &Ctx,
    connection: &mut Connection,
    me: UserId,
    target: &User,
) -> Result<(), DatabaseError> {
    let Some(follow) = store::between(connection, me, target.id)? else {
        return Ok(());
    };
    store::remove(connection, follow.id)?;
    if target.is_local() {
        return Ok(());
    }
    let follower = accounts::store::by_id(connection, me)?;
    let actor = accounts::store::remote_actor(connection, &target.actor_uri)?;
    if let (Some(follower), Some(actor)) = (follower, actor) {
        let (origin, now) = (ctx.origin(), ctx.now());
        federate::send_undo(connection, origin, &follow, &follower, &actor, now)?;
    }
    Ok(())
}

/// Ends the follows between a member and somebody whom they blocked; to be run in a transaction.
///
/// The member's own follow is taken back as any other. That the other one's follow ended is not
/// told: it would tell of the block.
///
/// # Errors
/// The database failed.
pub fn sever(
    ctx: &Ctx,
    connection: &mut Connection,
    me: UserId,
    other: &User,
) -> Result<(), DatabaseError> {
    take_back(ctx, connection, me, other)?;
    if let Some(follow) = store::between(connection, other.id, me)? {
        store::remove(connection, follow.id)?;
    }
    Ok(())
}

/// The people on one side of a member's follows, newest first, those not accepted yet included.
///
/// # Errors
/// The database failed.
pub async fn list(
    ctx: &Ctx,
    me: UserId,
    side: Side,
    page: PageQuery<FollowId>,
) -> Result<Page<(Follow, User), FollowId>, FollowError> {
    ctx.db()
        .read(move |connection| Ok(store::list(connection, me, side, false, &page)?))
        .await
}
