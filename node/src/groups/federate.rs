//! What is sent about following channels: asking, answering, putting out and going.

use federation_core::Timestamp;
use federation_core::outbox::sql::enqueue;
use federation_core::outbox::{Outgoing, Target};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, ActivityKind, parse_id};
use url::Url;

use super::model::{Follower, Join};
use super::store;
use crate::accounts;
use crate::base::ids::{ChannelId, CommunityId, JoinId, UserId};
use crate::config::Origin;
use crate::platform::ctx::Ctx;

/// What a `Follow` of this node is called.
const JOINS: &str = "/channel-joins/";

/// The id of the `Follow` by which a member asks to be in a channel of another node.
pub fn join_uri(origin: &Origin, id: JoinId) -> Url {
    origin.join(&format!("{JOINS}{id}"))
}

/// The wish that a `Follow` of this id is.
pub fn join_in(origin: &Origin, id: &Url) -> Option<JoinId> {
    if !origin.owns(id) {
        return None;
    }
    id.path().strip_prefix(JOINS)?.parse().ok()
}

/// The Group that a channel of this node is for others.
pub fn group_uri(origin: &Origin, channel: ChannelId) -> Url {
    origin.join(&format!("/channels/{channel}"))
}

/// The channel of this node that an id names as a Group.
pub fn channel_in(origin: &Origin, id: &Url) -> Option<ChannelId> {
    if !origin.owns(id) || id.query().is_some() || id.fragment().is_some() {
        return None;
    }
    let text = id.path().strip_prefix("/channels/")?;
    // Another spelling of the id is another id.
    text.parse()
        .ok()
        .filter(|channel: &ChannelId| channel.as_str() == text)
}

/// Queues the `Follow` that asks.
///
/// # Errors
/// The database failed.
pub fn ask(
    ctx: &Ctx,
    connection: &mut Connection,
    join: &Join,
    inbox: &Url,
) -> Result<(), DatabaseError> {
    let activity = asked(ctx, connection, join)?;
    let key = format!("join {}", join.group_uri);
    send(connection, &activity, inbox, key, ctx.now())
}

/// Queues the `Undo` of a `Follow`, when the inbox of the Group is known.
///
/// # Errors
/// The database failed.
pub fn take_back(ctx: &Ctx, connection: &mut Connection, join: &Join) -> Result<(), DatabaseError> {
    let Some(group) = accounts::store::remote_actor(connection, &join.group_uri)? else {
        return Ok(());
    };
    let undone = asked(ctx, connection, join)?;
    let id = ctx.origin().join(&format!("{JOINS}{}/undo", join.id));
    let key = format!("join {}", join.group_uri);
    let undo = Activity::undo(id, &undone);
    send(connection, &undo, &group.inbox, key, ctx.now())
}

/// The `Follow` of a member, as it was or would be sent.
fn asked(ctx: &Ctx, connection: &mut Connection, join: &Join) -> Result<Activity, DatabaseError> {
    let user = accounts::store::by_id(connection, join.user_id)?;
    let user = user.and_then(|user| parse_id(&user.actor_uri));
    match (user, parse_id(&join.group_uri)) {
        (Some(user), Some(group)) => {
            let id = join_uri(ctx.origin(), join.id);
            Ok(Activity::follow(id, user, group))
        }
        _ => Err(MALFORMED),
    }
}

const MALFORMED: DatabaseError = DatabaseError::Malformed { what: "follow" };

/// An answer of a Group of this node to a `Follow`.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// The id of the `Follow`.
    pub follow: &'a Url,
    /// Who asked.
    pub follower: &'a Url,
    /// Where they are told.
    pub inbox: &'a Url,
    /// Whether the Group agrees.
    pub agrees: bool,
}

/// Queues an answer.
///
/// # Errors
/// The database failed.
pub fn answer(
    ctx: &Ctx,
    connection: &mut Connection,
    answer: &Answer<'_>,
) -> Result<(), DatabaseError> {
    let (now, group) = (ctx.now(), group_uri(ctx.origin(), answer.channel));
    let (follow, follower) = (answer.follow.clone(), answer.follower.clone());
    let asked = Activity::follow(follow, follower, group.clone());
    let id = fresh(&group, "answers", now);
    let activity = if answer.agrees {
        Activity::accept(id, group, &asked)
    } else {
        Activity::reject(id, group, &asked)
    };
    let key = answer.channel.to_string();
    send(connection, &activity, answer.inbox, key, now)
}

/// Goes on for somebody who is no longer in a community: a follower of another node is told that
/// it ended, and the Groups that a member followed are told that the member left.
///
/// # Errors
/// The database failed.
pub fn left(
    ctx: &Ctx,
    connection: &mut Connection,
    (community, user): (CommunityId, UserId),
    reason: &str,
) -> Result<(), DatabaseError> {
    for join in store::joins_in(connection, community, user)? {
        take_back(ctx, connection, &join)?;
        store::remove_join(connection, join.id)?;
    }
    let followed = store::followed_in(connection, community, user)?;
    if followed.is_empty() {
        return Ok(());
    }
    let person = accounts::store::by_id(connection, user)?;
    let actor = person.and_then(|person| parse_id(&person.actor_uri));
    for follower in followed {
        store::unfollow(connection, follower.channel_id, user)?;
        if let (Some(actor), true) = (&actor, reason != "left") {
            put_out(ctx, connection, &follower, actor, reason == "banned")?;
        }
    }
    Ok(())
}

/// Ends a follow of a channel that is closed to other nodes now, and tells its follower so.
///
/// # Errors
/// The database failed.
pub fn close(
    ctx: &Ctx,
    connection: &mut Connection,
    follower: &Follower,
) -> Result<(), DatabaseError> {
    let place = (follower.channel_id, follower.user_id);
    store::end(connection, place, ctx.now())?;
    let person = accounts::store::by_id(connection, follower.user_id)?;
    match person.and_then(|person| parse_id(&person.actor_uri)) {
        Some(actor) => put_out(ctx, connection, follower, &actor, false),
        None => Ok(()),
    }
}

/// `Reject` of the `Follow`, and before it, for those who may not come back, `Block`.
fn put_out(
    ctx: &Ctx,
    connection: &mut Connection,
    follower: &Follower,
    actor: &Url,
    is_banned: bool,
) -> Result<(), DatabaseError> {
    let now = ctx.now();
    let (follow, inbox) = (parse_id(&follower.activity_id), parse_id(&follower.inbox));
    let (Some(follow), Some(inbox)) = (follow, inbox) else {
        return Err(MALFORMED);
    };
    if is_banned {
        let group = group_uri(ctx.origin(), follower.channel_id);
        let id = fresh(&group, "blocks", now);
        let mut block = Activity::new(id, ActivityKind::Block, group.clone());
        block.to.push(actor.clone());
        block.target = Some(group.into());
        let block = block.with_object(actor.clone()).published_at(now);
        let key = follower.channel_id.to_string();
        send(connection, &block, &inbox, key, now)?;
    }
    let refusal = Answer {
        channel: follower.channel_id,
        follow: &follow,
        follower: actor,
        inbox: &inbox,
        agrees: false,
    };
    answer(ctx, connection, &refusal)
}

/// An id below that of a Group that nothing has yet.
fn fresh(group: &Url, kind: &str, now: Timestamp) -> Url {
    let mut id = group.clone();
    id.set_path(&format!("{}/{kind}/{}", group.path(), JoinId::new(now)));
    id
}

fn send(
    connection: &mut Connection,
    activity: &Activity,
    inbox: &Url,
    key: String,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let outgoing = Outgoing {
        activity_id: activity.id.clone(),
        actor_id: activity.actor.clone(),
        object_id: None,
        body: activity.to_value().to_string(),
        ordering_key: Some(key),
        targets: vec![Target {
            inbox: inbox.clone(),
            recipients: activity.to.clone(),
        }],
    };
    enqueue(connection, &outgoing, now).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_groups_have_one_spelling() {
        let origin = Origin::new(&Url::parse("https://here.example").unwrap());
        let channel = ChannelId::new(Timestamp::from_millis(1_795_190_734_032));
        let id = group_uri(&origin, channel);
        assert_eq!(channel_in(&origin, &id), Some(channel));
        let text = channel.to_string();
        for wrong in [
            format!("https://here.example/channels/{}", text.to_uppercase()),
            format!("https://here.example/channels/{text}?x=1"),
            format!("https://here.example/channels/{text}#x"),
            format!("https://here.example/channels/{text}/inbox"),
            format!("https://there.example/channels/{text}"),
            "https://here.example/channels/".to_owned(),
            "https://here.example/users/alice".to_owned(),
        ] {
            let wrong = Url::parse(&wrong).unwrap();
            // Capitals alone may make no difference in an id of digits.
            if wrong != id {
                assert_eq!(channel_in(&origin, &wrong), None, "{wrong}");
            }
        }
        let join = JoinId::new(Timestamp::from_millis(1_795_190_734_032));
        assert_eq!(join_in(&origin, &join_uri(&origin, join)), Some(join));
    }
}
