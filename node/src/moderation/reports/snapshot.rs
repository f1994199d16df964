//! What there was to see of something when it was reported: it stays with the report, whatever becomes
//! of the thing itself, until the report is erased.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::{Value, json};

use super::model::TargetKind;
use super::store::{self, Said};
use crate::accounts;
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, CommunityId, MessageId, UserId};
use crate::channels::model::Channel;
use crate::communities::model::Community;
use crate::config::Origin;

/// What a report is about, found and written down.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) kind: TargetKind,
    pub(super) id: String,
    /// Whose moderators judge it.
    pub(super) community: Option<CommunityId>,
    /// In which channel it is.
    pub(super) channel: Option<ChannelId>,
    /// Whose doing it is.
    pub(super) person: Option<User>,
    /// The id of the object, of messages.
    pub(super) uri: Option<String>,
    pub(super) snapshot: Value,
}

/// A message with its author.
pub(super) fn message(
    connection: &mut Connection,
    origin: &Origin,
    id: MessageId,
    community: Option<CommunityId>,
) -> Result<Option<Subject>, DatabaseError> {
    let Some(said) = store::message(connection, id)? else {
        return Ok(None);
    };
    let person = accounts::store::by_id(connection, said.2)?;
    Ok(Some(of_message(origin, &said, person, community)))
}

fn of_message(
    origin: &Origin,
    (id, channel, author, content, html, created_at, edited_at, uri): &Said,
    person: Option<User>,
    community: Option<CommunityId>,
) -> Subject {
    let snapshot = json!({
        "author_id": author,
        "author": person.as_ref().map(|person| person.handle(origin)),
        "channel_id": channel,
        "content": content,
        "html": html,
        "created_at": Timestamp::from_millis(*created_at),
        "edited_at": edited_at.map(Timestamp::from_millis),
        "uri": uri,
    });
    Subject {
        kind: TargetKind::Message,
        id: id.to_string(),
        community,
        channel: Some(*channel),
        person,
        uri: Some(uri.clone()),
        snapshot,
    }
}

/// A person.
pub(super) fn user(
    connection: &mut Connection,
    origin: &Origin,
    id: UserId,
) -> Result<Option<Subject>, DatabaseError> {
    let person = accounts::store::by_id(connection, id)?;
    Ok(person
        .filter(|person| person.deleted_at.is_none())
        .map(|person| Subject {
            kind: TargetKind::User,
            id: person.id.to_string(),
            community: None,
            channel: None,
            uri: None,
            snapshot: json!({
                "handle": person.handle(origin),
                "display_name": person.display_name,
                "bio": person.bio,
                "uri": person.actor_uri,
            }),
            person: Some(person),
        }))
}

/// A community, for the moderators of the node.
pub(super) fn community(community: &Community) -> Subject {
    Subject {
        kind: TargetKind::Community,
        id: community.id.to_string(),
        community: None,
        channel: None,
        person: None,
        uri: None,
        snapshot: json!({"name": community.name, "description": community.description}),
    }
}

/// A channel, for the moderators of its community.
pub(super) fn channel(channel: &Channel) -> Subject {
    Subject {
        kind: TargetKind::Channel,
        id: channel.id.to_string(),
        community: channel.community_id,
        channel: Some(channel.id),
        person: None,
        uri: None,
        snapshot: json!({"name": channel.name, "topic": channel.topic}),
    }
}
