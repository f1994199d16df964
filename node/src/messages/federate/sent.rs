//! What a member wrote, as the activities by which other nodes got it or would get it.

use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, Value};

use super::note::{self, Post, url};
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, MessageId};
use crate::channels::conversations;
use crate::messages::forwards;
use crate::messages::model::Message;
use crate::messages::store;
use crate::platform::ctx::Ctx;

/// The `Create` of each of these messages of one member of this node, to stand inside a collection.
///
/// Where `author` takes part no longer, they name nobody: who is there now is not theirs to know.
///
/// # Errors
/// The database failed.
///
/// # Security
/// Messages are private: show it to `author` alone.
pub fn sent(
    ctx: &Ctx,
    connection: &mut Connection,
    author: &User,
    messages: &[Message],
) -> Result<Vec<Value>, DatabaseError> {
    let mut ids: Vec<ChannelId> = messages.iter().map(|it| it.channel_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let people = conversations::store::participants_of(connection, &ids)?;
    let passed_on: Vec<MessageId> = messages.iter().map(|it| it.id).collect();
    let passed_on = forwards::of(connection, &passed_on)?;
    let mut activities = Vec::with_capacity(messages.len());
    for message in messages {
        let answered = match message.reply_to {
            Some(id) => store::anywhere(connection, id)?.map(|answered| answered.uri),
            None => None,
        };
        let there = people.get(&message.channel_id).map(Vec::as_slice);
        let there = there.unwrap_or_default();
        let takes_part = there.iter().any(|one| one.user.id == author.id);
        let seers = there
            .iter()
            .filter(|one| takes_part && one.joined_seq <= message.seq);
        let members: Vec<User> = seers.map(|one| one.user.clone()).collect();
        let post = Post {
            message,
            author,
            members: &members,
            forwarded: passed_on.get(&message.id),
        };
        let note = note::build(connection, ctx.origin(), &post, answered.as_deref())?;
        let id = url(&format!("{}/create", message.uri))?;
        let activity = Activity::create(id, url(&author.actor_uri)?, note);
        activities.push(activity.to_embedded());
    }
    Ok(activities)
}
