//! Which conversation a note from elsewhere belongs to, and who is brought in by it.
//!
//! Over plain ActivityPub a group is the set of those who are addressed, so this is where somebody
//! could be made to read, or to answer, in the wrong company. The rules (docs/conversations.md):
//!
//! - Nobody here reads what was not addressed to them.
//! - Only who is in a group writes into it, whoever knows its id.
//! - A note goes into a group when everybody there is addressed. Who is not addressed stays in the
//!   group, and the note goes to a conversation of those who are.
//! - Who is addressed and was not there comes in with the note. Who left does not come back by one.

use std::collections::HashSet;

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::incoming::{Ignored, IncomingNote};
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, UserId};
use crate::channels;
use crate::channels::conversations::leading::is_of_one_node;
use crate::channels::conversations::names::{self, Names};
use crate::channels::conversations::store::Participant;
use crate::channels::conversations::{self, NewGroup};
use crate::channels::model::{Channel, participants_key};
use crate::messages::store;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// A note with those of its people who were found.
#[derive(Debug)]
pub(super) struct Placing<'a> {
    pub(super) note: &'a IncomingNote,
    pub(super) author: &'a User,
    /// Those of this node who may act.
    pub(super) locals: Vec<User>,
    /// Those of other nodes, without the author.
    pub(super) others: Vec<User>,
}

/// The conversation of a note, opened if need be.
///
/// # Errors
/// The database failed.
pub(super) fn place(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    placing: &Placing<'_>,
) -> Result<Result<ChannelId, Ignored>, DatabaseError> {
    for group in candidates(ctx, connection, placing)? {
        let participants = conversations::store::participants(connection, group.id)?;
        if placing.fits(&participants) {
            return placing.enter(ctx, connection, log, &group, &participants);
        }
    }
    placing.open(ctx, connection, log)
}

/// The groups that a note may be part of and that its author is in, the oldest first.
fn candidates(
    ctx: &Ctx,
    connection: &mut Connection,
    placing: &Placing<'_>,
) -> Result<Vec<Channel>, DatabaseError> {
    let (note, author) = (placing.note, placing.author.id);
    let by_name = note.names.all();
    let mut found = names::by_names(connection, ctx.origin(), &by_name, author)?;
    // A note that answers says so also where its server gives conversations ids of its own.
    if let Some(answered) = &note.answers {
        let ids = store::answered_in(connection, answered, author)?;
        let answered = names::groups(connection, &ids)?;
        let is_new = |group: &Channel| found.iter().all(|known| known.id != group.id);
        let new: Vec<Channel> = answered.into_iter().filter(is_new).collect();
        found.extend(new);
    }
    Ok(found)
}

impl Placing<'_> {
    /// Everybody addressed, and the author.
    fn addressed(&self) -> HashSet<&str> {
        let locals = self.note.local.iter().map(String::as_str);
        let others = self.note.others.iter().map(url::Url::as_str);
        let author = std::iter::once(self.author.actor_uri.as_str());
        locals.chain(others).chain(author).collect()
    }

    /// Whether the note goes into a group of these people: nobody in it is left out, but for those of
    /// other nodes who were brought in after it was written.
    fn fits(&self, participants: &[Participant]) -> bool {
        let addressed = self.addressed();
        let written = self.note.said.published.map(Timestamp::as_millis);
        let came_later = |one: &Participant| {
            let is_founding = one.joined_seq == 0;
            !is_founding && !one.user.is_local() && written.is_some_and(|at| at < one.joined_at)
        };
        participants.iter().all(|one| {
            one.user.deleted_at.is_some()
                || addressed.contains(one.user.actor_uri.as_str())
                || came_later(one)
        })
    }

    /// Into a group that is there, together with those who are new in it.
    fn enter(
        &self,
        ctx: &Ctx,
        connection: &mut Connection,
        log: &EventLog,
        group: &Channel,
        participants: &[Participant],
    ) -> Result<Result<ChannelId, Ignored>, DatabaseError> {
        let is_there = |user: &User| participants.iter().any(|one| one.user.id == user.id);
        let everybody = self.locals.iter().chain(&self.others);
        let new: Vec<&User> = everybody.filter(|user| !is_there(user)).collect();
        let ids: Vec<UserId> = new.iter().map(|user| user.id).collect();
        let departed = conversations::store::departed(connection, group.id, &ids)?;
        let mut newcomers = Vec::new();
        for user in new {
            let may_come = !departed.contains(&user.id);
            if may_come && conversations::may_reach(connection, self.author.id, user.id)? {
                newcomers.push(user.clone());
            }
        }
        let count = participants.len().saturating_add(newcomers.len());
        if count > ctx.config().limits.conversation_people && !newcomers.is_empty() {
            return Ok(Err(Ignored::TooManyPeople));
        }
        let reads = |user: &User| user.is_local() && user.is_active();
        let has_reader = participants.iter().any(|one| reads(&one.user));
        if !has_reader && !newcomers.iter().any(reads) {
            return Ok(Err(Ignored::NotWanted));
        }
        if !newcomers.is_empty() {
            conversations::admit(ctx, connection, log, group, &newcomers, self.author.id)?;
        }
        Ok(Ok(group.id))
    }

    /// To the conversation of just these people, by the same id if there is one.
    fn open(
        &self,
        ctx: &Ctx,
        connection: &mut Connection,
        log: &EventLog,
    ) -> Result<Result<ChannelId, Ignored>, DatabaseError> {
        let known: HashSet<&str> = self.people().map(|user| user.actor_uri.as_str()).collect();
        let others = self.note.others.iter().map(url::Url::as_str);
        let unreached: Vec<&str> = others.filter(|actor| !known.contains(actor)).collect();
        let names = self.foreign_names(ctx);
        let is_pair = known.len().saturating_add(unreached.len()) == 2;
        let context = names.all().first().copied().filter(|_| !is_pair);
        let marked = context.map(|context| format!("in {context}"));
        let set = known.iter().copied().chain(unreached);
        let key = participants_key(set.chain(marked.as_deref()));
        let open = channels::store::by_participants(connection, &key)?;
        let there = match &open {
            Some(channel) => conversations::store::participants(connection, channel.id)?,
            None => Vec::new(),
        };
        let mut members = vec![self.author.clone()];
        let mut has_reader = false;
        for user in self.locals.iter().chain(&self.others) {
            let is_there = there.iter().any(|one| one.user.id == user.id);
            if is_there || conversations::may_reach(connection, self.author.id, user.id)? {
                has_reader |= user.is_local();
                members.push(user.clone());
            }
        }
        if !has_reader {
            return Ok(Err(Ignored::NotWanted));
        }
        if is_pair {
            let opened = channels::actions::open_dm(ctx, connection, log, &members, &[])?;
            return Ok(Ok(opened.channel.id));
        }
        let is_home = context.is_none_or(|context| is_of_one_node(context, &self.author.actor_uri));
        let new = NewGroup {
            maker: is_home.then_some(self.author.id),
            name: None,
            members: &members,
            key: Some(&key),
            names: &names,
        };
        let opened = conversations::open_group(ctx, connection, log, &new)?;
        Ok(Ok(opened.channel.id))
    }

    fn people(&self) -> impl Iterator<Item = &User> {
        let author = std::iter::once(self.author);
        author.chain(&self.locals).chain(&self.others)
    }

    /// The ids that the note carries and that are not of this node, which gives its own.
    fn foreign_names(&self, ctx: &Ctx) -> Names {
        let foreign = |name: &Option<String>| {
            let name = name.clone();
            name.filter(|name| !is_of_one_node(name, ctx.origin().as_str()))
        };
        Names {
            context: foreign(&self.note.names.context),
            conversation: foreign(&self.note.names.conversation),
        }
    }
}
