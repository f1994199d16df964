//! A message of a channel as a Note.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Object, Tag, public_url};
use serde_json::json;
use url::Url;

use crate::accounts::model::User;
use crate::base::ids::{MessageId, UserId};
use crate::channels::model::Channel;
use crate::channels::reach;
use crate::channels::structure::is_mirror;
use crate::config::Origin;
use crate::messages::federate::note::url;
use crate::messages::forwards;
use crate::messages::mentions;
use crate::messages::model::Message;
use crate::messages::store;
use crate::platform::ctx::Ctx;

/// A Group, and to whom its messages are addressed.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The id.
    pub(super) id: Url,
    /// Whether everybody may read.
    pub(super) is_public: bool,
    /// Whether it is of another node.
    pub(super) is_mirror: bool,
}

impl Group {
    /// The Group that a channel is; `None` for conversations.
    pub(super) fn of(
        ctx: &Ctx,
        connection: &mut Connection,
        channel: &Channel,
    ) -> Result<Option<Self>, DatabaseError> {
        let (Some(id), Some(_)) = (&channel.actor_uri, channel.community_id) else {
            return Ok(None);
        };
        let is_mirror = is_mirror(ctx.origin(), channel);
        Ok(Some(Self {
            id: url(id)?,
            // This node could fetch the Group without being a member: so can everybody.
            is_public: is_mirror || reach::is_public(connection, channel, ctx.now())?,
            is_mirror,
        }))
    }

    /// An id below that of the Group, at this node.
    pub(super) fn below(&self, rest: &str) -> Url {
        let mut id = self.id.clone();
        id.set_path(&format!("{}/{rest}", self.id.path()));
        id
    }

    /// `to` and `cc` of what is for its members.
    pub(super) fn audience(&self) -> (Vec<Url>, Vec<Url>) {
        let followers = (!self.is_mirror).then(|| self.below("followers"));
        let followers = followers.into_iter().collect();
        if self.is_public {
            (vec![public_url()], followers)
        } else {
            (followers, Vec::new())
        }
    }
}

/// Builds the Note of a message that was written here. What it passes on follows the text as a
/// quotation.
pub(super) fn build(
    connection: &mut Connection,
    origin: &Origin,
    group: &Group,
    (message, author): (&Message, &User),
) -> Result<Object, DatabaseError> {
    let (html, content) = match forwards::one(connection, message.id)? {
        Some(forward) => (
            forward.html_below(&message.html),
            forward.content_below(&message.content),
        ),
        None => (message.html.clone(), message.content.clone()),
    };
    let mut note = Object::note(url(&message.uri)?, url(&author.actor_uri)?, html);
    note.tag = tags(connection, origin, message.id)?;
    (note.to, note.cc) = group.audience();
    note.cc.push(group.id.clone());
    note.audience = vec![group.id.clone()];
    note.published = Some(Timestamp::from_millis(message.created_at));
    note.updated = message.edited_at.map(Timestamp::from_millis);
    if !group.is_mirror {
        note.context = Some(group.below("history"));
    }
    let answered = match message.reply_to {
        Some(id) => store::anywhere(connection, id)?,
        None => None,
    };
    note.in_reply_to = answered.map(|answered| url(&answered.uri)).transpose()?;
    let source = json!({"content": content, "mediaType": "text/markdown"});
    note.extra.insert("source".to_owned(), source);
    Ok(note)
}

/// The people whom a message mentions.
fn tags(
    connection: &mut Connection,
    origin: &Origin,
    message: MessageId,
) -> Result<Vec<Tag>, DatabaseError> {
    let mut found = mentions::of(connection, &[message])?;
    let mentioned = found.remove(&message).unwrap_or_default();
    let ids: Vec<UserId> = mentioned.iter().filter_map(|it| it.user_id).collect();
    let people = store::people(connection, &ids)?;
    let tag = |user: &User| {
        let actor = url(&user.actor_uri)?;
        Ok::<_, DatabaseError>(Tag::mention(actor, user.handle(origin)))
    };
    let mentioned = ids.iter().filter_map(|id| people.get(id));
    mentioned.map(tag).collect()
}

/// Whether an id of a message is one of this node.
pub(super) fn is_ours(origin: &Origin, uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|uri| origin.owns(&uri))
}
