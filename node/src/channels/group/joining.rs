//! What members of this node do about channels of others: one use case, one function, one transaction.

use std::sync::Arc;

use federation_core::store::sql::Connection;
use federation_core::vocab::{Actor, ActorKind, parse_id, same_origin};
use url::Url;

use super::wire::JoinView;
use crate::accounts;
use crate::accounts::federate::person;
use crate::base::ids::{CommunityId, JoinId, UserId};
use crate::channels::store;
use crate::communities;
use crate::groups;
use crate::groups::model::{Join, JoinState, MAX_JOINS};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;
use crate::platform::people::People;

/// Bytes of a handle or id that are read at most.
const MAX_TEXT: usize = 2048;

/// The channels of other nodes that a member asked to be in, newest first.
pub(super) async fn list(ctx: &Ctx, me: UserId) -> Result<Vec<JoinView>, ApiError> {
    let read =
        move |connection: &mut Connection| groups::store::joins_of(connection, me, MAX_JOINS);
    let found = ctx.db().read(read).await?;
    Ok(found.iter().map(JoinView::from).collect())
}

/// Asks to be in a channel of another node; once asked, the wish that is there is answered.
///
/// Who was refused may ask again.
pub(super) async fn join(
    ctx: &Ctx,
    people: &dyn People,
    me: UserId,
    text: &str,
) -> Result<JoinView, ApiError> {
    let group = find(ctx, people, text).await?;
    let community = community_of(people, &group).await;
    let (held, now) = (ctx.clone(), ctx.now());
    let wanted = Join {
        id: JoinId::new(now),
        user_id: me,
        group_uri: group.id.to_string(),
        community_uri: community.to_string(),
        state: JoinState::Asked,
        channel_id: None,
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
    };
    let write = move |connection: &mut Connection| {
        let _log = EventLog::begin(connection)?;
        let mut wanted = wanted.clone();
        // What members say there is delivered to the Group, which is shown as its recipient.
        accounts::store::upsert_remote(connection, &person(&group), now)?;
        match groups::store::join_of(connection, me, &wanted.group_uri)? {
            Some(known) if known.state == JoinState::Refused => {
                wanted.channel_id = known.channel_id;
                groups::store::remove_join(connection, known.id)?;
            }
            Some(known) => return Ok(JoinView::from(&known)),
            None if groups::store::count_joins(connection, me)? >= MAX_JOINS => {
                let detail =
                    format!("There are too many channels of other nodes: at most {MAX_JOINS}.");
                return Err(ApiError::conflict("too_many", detail));
            }
            None => {}
        }
        groups::store::insert_join(connection, &wanted)?;
        groups::federate::ask(&held, connection, &wanted, &group.inbox)?;
        Ok::<_, ApiError>(JoinView::from(&wanted))
    };
    ctx.db().write(write).await
}

/// Leaves a channel of another node; its node is told, and what stands for it here is seen no longer
/// once the member is in no channel of that community. Answers the community that was left so.
pub(super) async fn leave(
    ctx: &Ctx,
    people: &dyn People,
    me: UserId,
    text: &str,
) -> Result<Option<CommunityId>, ApiError> {
    // The id suffices, so that one leaves what cannot be reached any more.
    let group = match parse_id(text.trim()) {
        Some(id) => id,
        None => find(ctx, people, text).await?.id.clone(),
    };
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let log = EventLog::begin(connection)?;
        let Some(join) = groups::store::join_of(connection, me, group.as_str())? else {
            return Err(ApiError::not_found());
        };
        groups::federate::take_back(&held, connection, &join)?;
        groups::store::remove_join(connection, join.id)?;
        let Some(channel) = join.channel_id else {
            return Ok(None);
        };
        let channel = store::by_id(connection, channel)?;
        let Some(community) = channel.and_then(|channel| channel.community_id) else {
            return Ok(None);
        };
        if groups::store::joins_in(connection, community, me)?.is_empty()
            && let Some(community) = communities::store::by_id(connection, community)?
        {
            communities::remote::leave(&held, connection, &log, &community, me)?;
            return Ok(Some(community.id));
        }
        Ok::<_, ApiError>(None)
    };
    ctx.db().write(write).await
}

/// The Group behind a handle or an id.
async fn find(ctx: &Ctx, people: &dyn People, text: &str) -> Result<Arc<Actor>, ApiError> {
    let text = text.trim();
    if text.len() > MAX_TEXT {
        return Err(unknown());
    }
    let actor = match parse_id(text) {
        Some(id) if same_origin(&id, ctx.origin().url()) => return Err(ours()),
        Some(id) => people.by_actor(&id).await?,
        None => people.by_handle(text).await?,
    };
    if same_origin(&actor.id, ctx.origin().url()) {
        return Err(ours());
    }
    if actor.kind != ActorKind::Group {
        return Err(unknown());
    }
    Ok(actor)
}

fn unknown() -> ApiError {
    ApiError::invalid("not_a_channel", "There is no channel by that name.")
}

fn ours() -> ApiError {
    let detail = "That channel is of this node: join its community.";
    ApiError::invalid("channel_of_this_node", detail)
}

/// The community of a Group as its `context` names it; a Group without one stands for itself.
async fn community_of(people: &dyn People, group: &Actor) -> Url {
    let named = group.context.as_ref();
    let Some(id) = named.filter(|id| same_origin(id, &group.id)) else {
        return group.id.clone();
    };
    // Whoever cannot be asked for its name is the same community all the same.
    if let Err(error) = people.by_actor(id).await {
        tracing::debug!(%error, %id, "cannot look up a community");
    }
    id.clone()
}
