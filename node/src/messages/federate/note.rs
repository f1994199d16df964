//! A message as a Note.

use std::collections::HashSet;

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Object, Tag, Value};
use serde_json::json;
use url::Url;

use crate::accounts;
use crate::accounts::model::User;
use crate::base::ids::MessageId;
use crate::channels;
use crate::channels::conversations::names;
use crate::config::Origin;
use crate::messages::forwards::{self, Forward};
use crate::messages::model::{Message, uri_of};
use crate::messages::polls::federate as polls;
use crate::messages::store;
use crate::platform::ctx::Ctx;

/// A message with the people it concerns.
#[derive(Clone, Copy, Debug)]
pub(in crate::messages) struct Post<'a> {
    pub(in crate::messages) message: &'a Message,
    pub(in crate::messages) author: &'a User,
    /// Everybody in the conversation who sees the message, the author included.
    pub(in crate::messages) members: &'a [User],
    /// What it passes on.
    pub(in crate::messages) forwarded: Option<&'a Forward>,
}

/// Builds the Note of a message, addressed to the other members by name and nobody else.
///
/// Each of them has a Mention, whether the text names them or not, as other servers expect of
/// private notes. What is passed on follows the text as a quotation.
pub(super) fn build(
    connection: &mut Connection,
    origin: &Origin,
    post: &Post<'_>,
    answers: Option<&str>,
) -> Result<Object, DatabaseError> {
    let Post {
        message,
        author,
        members,
        forwarded,
    } = post;
    let (html, content) = match forwarded {
        Some(forward) => (
            forward.html_below(&message.html),
            forward.content_below(&message.content),
        ),
        None => (message.html.clone(), message.content.clone()),
    };
    let mut note = Object::note(url(&message.uri)?, url(&author.actor_uri)?, html);
    for member in members.iter().filter(|member| member.id != author.id) {
        let actor = url(&member.actor_uri)?;
        note.tag
            .push(Tag::mention(actor.clone(), member.handle(origin)));
        note.to.push(actor);
    }
    note.published = Some(Timestamp::from_millis(message.created_at));
    note.updated = message.edited_at.map(Timestamp::from_millis);
    let (name, thread) = names::names(connection, origin, message.channel_id)?;
    note.context = Some(url(&name)?);
    note.extra.insert("conversation".to_owned(), json!(thread));
    note.in_reply_to = answers.map(url).transpose()?;
    let source = json!({"content": content, "mediaType": "text/markdown"});
    note.extra.insert("source".to_owned(), source);
    polls::dress(connection, message.id, note)
}

/// What a fetch of a message answers, and to whom.
#[derive(Clone, Debug)]
pub struct Served {
    /// A Note, or a Tombstone, with `@context`.
    pub document: Value,
    /// The actors that may see it; nobody else may know that it exists.
    pub readers: HashSet<String>,
}

/// The document of a message that was written here; `None` when there is none.
///
/// # Errors
/// The database failed.
///
/// # Security
/// Messages are private: answer it only to a fetch signed by one of `readers`.
pub fn document(
    ctx: &Ctx,
    connection: &mut Connection,
    id: MessageId,
) -> Result<Option<Served>, DatabaseError> {
    let Some(message) = store::anywhere(connection, id)? else {
        return Ok(None);
    };
    if message.uri != uri_of(ctx.origin(), id) {
        return Ok(None);
    }
    let members = channels::store::members_at(connection, message.channel_id, message.seq)?;
    let Some(author) = accounts::store::by_id(connection, message.author_id)? else {
        return Ok(None);
    };
    let readers = members
        .iter()
        .map(|member| member.actor_uri.clone())
        .collect();
    let document = if message.deleted_at.is_some() {
        Object::tombstone(url(&message.uri)?).to_value()
    } else {
        let answered = match message.reply_to {
            Some(id) => store::anywhere(connection, id)?.map(|answered| answered.uri),
            None => None,
        };
        let forward = forwards::one(connection, message.id)?;
        let post = Post {
            message: &message,
            author: &author,
            members: &members,
            forwarded: forward.as_ref(),
        };
        build(connection, ctx.origin(), &post, answered.as_deref())?.to_value()
    };
    Ok(Some(Served { document, readers }))
}

/// Reads an id that this server stored.
pub(super) fn url(text: &str) -> Result<Url, DatabaseError> {
    Url::parse(text).map_err(|_not_a_url| DatabaseError::Malformed { what: "id" })
}
