//! What members do with follows: one use case, one function, one transaction.

use super::error::FollowError;
use super::federate;
use super::model::{Follow, Side};
use super::store;
use crate::accounts;
use crate::accounts::error::AccountError;
use crate::accounts::model::User;
use crate::base::ids::{FollowId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::platform::ctx::Ctx;
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
/// Nobody is found under that name, or it is one's own.
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
    let target = found.user;
    let follow = ctx
        .db()
        .write(move |connection| {
            if !store::insert_if_absent(connection, &wanted)? {
                let known = store::between(connection, me, wanted.followee_id)?;
                return Ok::<_, FollowError>(known.unwrap_or_else(|| wanted.clone()));
            }
            if let Some(actor) = &found.actor {
                let follower = accounts::store::by_id(connection, me)?;
                let follower = follower.ok_or(AccountError::NotFound)?;
                federate::send_follow(connection, &wanted, &follower, actor, now)?;
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
    let (now, origin) = (ctx.now(), ctx.origin().clone());
    ctx.db()
        .write(move |connection| {
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
                federate::send_undo(connection, &origin, &follow, &follower, &actor, now)?;
            }
            Ok(())
        })
        .await
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
