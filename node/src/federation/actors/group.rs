//! Channels and communities as documents: a `Group` (FEP-1b12) and the `Organization` that it is of.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Actor, ActorKey, ActorKind};
use serde_json::json;
use url::Url;

use super::node::implements;
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
/// channel goes by that name, or nothing of the name is left, its id stands in the place of it.
///
/// # Errors
/// The database failed.
pub(in crate::federation) fn name_of(
    connection: &mut Connection,
    channel: &Channel,
    community: &Community,
) -> Result<String, DatabaseError> {
    let named = channel.name.as_deref().and_then(handle_name);
    if let Some(name) = named {
        let all = channels::store::groups_of(connection, community.id)?;
        let first = first_named(&all, &name);
        if first.is_some_and(|first| first.id == channel.id) {
            return Ok(format!("{name}.{}", community.slug));
        }
    }
    Ok(format!("{}.{}", channel.id, community.slug))
}

/// The oldest channel of a name.
fn first_named<'a>(all: &'a [Channel], name: &str) -> Option<&'a Channel> {
    let goes_by = |channel: &&Channel| {
        let own = channel.name.as_deref().and_then(handle_name);
        own.as_deref() == Some(name)
    };
    all.iter().find(goes_by)
}

/// The channel that the name part of a handle names, if there is one in a public community.
///
/// # Errors
/// The database failed.
pub(in crate::federation) fn by_name(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<(Channel, Community)>, DatabaseError> {
    let Some((name, slug)) = name.rsplit_once('.') else {
        return Ok(None);
    };
    let community = communities::store::by_slug(connection, &slug.to_ascii_lowercase())?;
    let is_public = |community: &Community| community.visibility == Visibility::Public;
    let Some(community) = community.filter(is_public) else {
        return Ok(None);
    };
    let all = channels::store::groups_of(connection, community.id)?;
    let name = name.to_ascii_lowercase();
    let by_id = || all.iter().find(|channel| channel.id.as_str() == name);
    let found = first_named(&all, &name).or_else(by_id).cloned();
    Ok(found.map(|channel| (channel, community)))
}
