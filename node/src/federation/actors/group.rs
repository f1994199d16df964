//! Channels and communities as documents: a `Group` (FEP-1b12) and the `Organization` that it is of.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Actor, ActorKey, ActorKind};
use serde_json::json;
use url::Url;

use super::node::implements;
use crate::base::ids::{ChannelId, CommunityId};
use crate::channels;
use crate::channels::model::{Channel, ChannelKind, handle_name};
use crate::communities;
use crate::communities::model::{Community, Visibility};
use crate::config::Origin;
use crate::groups::federate::group_uri;

/// The document of a channel, with the keys that it lists.
pub(in crate::federation) fn group(
    channel: &Channel,
    community: &Community,
    (name, keys): (&str, Vec<ActorKey>),
    origin: &Origin,
) -> Actor {
    let id = group_uri(origin, channel.id);
    let at = |part: &str| origin.join(&format!("{}/{part}", id.path()));
    let mut actor = Actor::new(id.clone(), ActorKind::Group, at("inbox"));
    actor.preferred_username = Some(name.to_owned());
    actor.name.clone_from(&channel.name);
    actor.summary = channel.topic.as_deref().map(escape);
    actor.outbox = Some(at("outbox"));
    actor.followers = Some(at("followers"));
    actor.shared_inbox = Some(origin.join("/inbox"));
    actor.webfinger = Some(format!("{name}@{}", origin.authority()));
    actor.manually_approves_followers = Some(false);
    actor.context = Url::parse(&community.actor_uri).ok();
    actor.published = Some(Timestamp::from_millis(channel.created_at));
    actor.public_keys = keys;
    let extra = &mut actor.extra;
    extra.insert("history".to_owned(), json!(at("history").as_str()));
    extra.insert("implements".to_owned(), implements());
    let few_write = channel.kind == ChannelKind::Announcement;
    extra.insert("postingRestrictedToMods".to_owned(), json!(few_write));
    actor
}

/// The document of a community.
pub(in crate::federation) fn organization(
    community: &Community,
    keys: Vec<ActorKey>,
    (id, origin): (Url, &Origin),
) -> Actor {
    let inbox = origin.join(&format!("{}/inbox", id.path()));
    let mut actor = Actor::new(id, ActorKind::Organization, inbox);
    actor.preferred_username = Some(community.slug.clone());
    actor.name = Some(community.name.clone());
    actor.summary = (!community.description.is_empty()).then(|| escape(&community.description));
    actor.shared_inbox = Some(origin.join("/inbox"));
    actor.published = Some(Timestamp::from_millis(community.created_at));
    actor.updated = Some(Timestamp::from_millis(community.updated_at));
    actor.public_keys = keys;
    actor
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// The name part of the handle of a channel: its name and the slug of its community. Where an older
/// channel goes by that name, or nothing of the name is left, its id stands in the place of it, and so
/// it does for threads, of which there are many.
///
/// # Errors
/// The database failed.
pub(in crate::federation) fn name_of(
    connection: &mut Connection,
    channel: &Channel,
    community: &Community,
) -> Result<String, DatabaseError> {
    let named = channel.name.as_deref().and_then(handle_name);
    if let Some(name) = named.filter(|_| channel.kind != ChannelKind::Thread)
        && first_named(connection, community.id, &name)? == Some(channel.id)
    {
        return Ok(format!("{name}.{}", community.slug));
    }
    Ok(format!("{}.{}", channel.id, community.slug))
}

/// The oldest channel of a name.
fn first_named(
    connection: &mut Connection,
    community: CommunityId,
    name: &str,
) -> Result<Option<ChannelId>, DatabaseError> {
    let all = channels::store::named_groups_of(connection, community)?;
    let goes_by = |own: &str| handle_name(own).as_deref() == Some(name);
    let first = all
        .into_iter()
        .find(|(_, own)| own.as_deref().is_some_and(goes_by));
    Ok(first.map(|(id, _)| id))
}

/// The channel that the name part of a handle names, if there is one in a public community, and the
/// name part by which it goes.
///
/// # Errors
/// The database failed.
pub(in crate::federation) fn by_name(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<(ChannelId, String)>, DatabaseError> {
    let Some((name, slug)) = name.rsplit_once('.') else {
        return Ok(None);
    };
    let community = communities::store::by_slug(connection, &slug.to_ascii_lowercase())?;
    let is_public = |community: &Community| community.visibility == Visibility::Public;
    let Some(community) = community.filter(is_public) else {
        return Ok(None);
    };
    let name = name.to_ascii_lowercase();
    if let Some(id) = first_named(connection, community.id, &name)? {
        return Ok(Some((id, format!("{name}.{}", community.slug))));
    }
    let id = name.parse().ok();
    let Some(id) = id.filter(|id: &ChannelId| id.as_str() == name) else {
        return Ok(None);
    };
    let is_of_it = |channel: &Channel| {
        channel.community_id == Some(community.id) && channel.actor_uri.is_some()
    };
    let channel = channels::store::by_id(connection, id)?.filter(is_of_it);
    let Some(channel) = channel else {
        return Ok(None);
    };
    let name = name_of(connection, &channel, &community)?;
    Ok(Some((id, name)))
}
