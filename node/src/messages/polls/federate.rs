//! Polls in direct conversations as activities (Activity Vocabulary s3.2 Question, FEP-9967).
//!
//! A poll is a `Question` in the place of a `Note`; a vote is a `Create` of a `Note` with nothing but a
//! `name`, sent to the author of the poll alone; new counts come with an `Update`.

use federation_core::Timestamp;
use federation_core::outbox::sql::enqueue;
use federation_core::outbox::{Outgoing, plan_targets};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, Actor, Object, ObjectKind, parse_id};
use serde_json::{Value, json};
use url::Url;

use super::actions::tell;
use super::model::{FEWEST, LONGEST, MAX_OPTION, Poll, PollOption};
use super::store;
use crate::accounts;
use crate::base::ids::{MessageId, RequestId, UserId};
use crate::base::permission::Permission;
use crate::base::text;
use crate::channels;
use crate::channels::access;
use crate::messages;
use crate::messages::apart::are_apart;
use crate::messages::federate::{Ignored, Post, Received, send_update};
use crate::messages::forwards;
use crate::messages::model::Message;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// What another node may count at most.
const MOST_COUNTED: i64 = 1_000_000_000;

/// Options of a poll of another node at most; one with more is shown as its text alone.
const MOST: usize = 20;

/// Makes the note of a message that is a poll a `Question`.
pub(in crate::messages) fn dress(
    connection: &mut Connection,
    message: MessageId,
    mut note: Object,
) -> Result<Object, DatabaseError> {
    let Some((poll, options)) = store::by_message(connection, message)? else {
        return Ok(note);
    };
    let choice = |option: &PollOption| {
        let replies = json!({"type": "Collection", "totalItems": option.votes});
        json!({"type": "Note", "name": option.text, "replies": replies})
    };
    let choices: Vec<Value> = options.iter().map(choice).collect();
    let list = if poll.is_multiple { "anyOf" } else { "oneOf" };
    note.kind = ObjectKind::Question;
    note.extra.insert(list.to_owned(), json!(choices));
    let ends_at = json!(Timestamp::from_millis(poll.ends_at));
    note.extra.insert("endTime".to_owned(), ends_at);
    note.extra
        .insert("votersCount".to_owned(), json!(poll.voters));
    if let Some(ended_at) = poll.ended_at {
        let closed = json!(Timestamp::from_millis(ended_at));
        note.extra.insert("closed".to_owned(), closed);
    }
    Ok(note)
}

/// Sends how a poll of this node stands now to the nodes of the others in the conversation.
pub(super) fn send_counts(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
) -> Result<(), DatabaseError> {
    let members = channels::store::members_at(connection, message.channel_id, message.seq)?;
    let Some(author) = members.iter().find(|user| user.id == message.author_id) else {
        return Ok(());
    };
    let answered = match message.reply_to {
        Some(id) => messages::store::anywhere(connection, id)?.map(|answered| answered.uri),
        None => None,
    };
    let passed_on = forwards::one(connection, message.id)?;
    let post = Post {
        message,
        author,
        members: &members,
        forwarded: passed_on.as_ref(),
    };
    send_update(ctx, connection, &post, answered.as_deref()).map(drop)
}

/// Sends the votes of a member to the author of a poll of another node.
pub(super) fn send_votes(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
    voter: UserId,
    texts: &[&str],
) -> Result<(), DatabaseError> {
    let voter = accounts::store::by_id(connection, voter)?;
    let author = accounts::store::by_id(connection, message.author_id)?;
    let (Some(voter), Some(author)) = (voter, author) else {
        return Ok(());
    };
    let found = accounts::federate::documents(connection, &[&author])?;
    for text in texts {
        let id = format!(
            "{}/votes/{}",
            ctx.origin().as_str(),
            RequestId::new(ctx.now())
        );
        let actor = url(&voter.actor_uri)?;
        let mut vote = Object::new(ObjectKind::Note);
        vote.id = Some(url(&id)?);
        vote.attributed_to = vec![actor.clone()];
        vote.name = Some((*text).to_owned());
        vote.in_reply_to = Some(url(&message.uri)?);
        vote.to = vec![url(&author.actor_uri)?];
        vote.published = Some(ctx.now());
        let create = Activity::create(url(&format!("{id}/create"))?, actor, vote);
        let outgoing = Outgoing {
            activity_id: create.id.clone(),
            actor_id: create.actor.clone(),
            object_id: Some(url(&id)?),
            body: create.to_value().to_string(),
            ordering_key: Some(message.channel_id.to_string()),
            targets: plan_targets(found.values(), false),
        };
        if !outgoing.targets.is_empty() {
            enqueue(connection, &outgoing, ctx.now())?;
        }
    }
    Ok(())
}

fn url(text: &str) -> Result<Url, DatabaseError> {
    parse_id(text).ok_or(DatabaseError::Malformed { what: "id" })
}

/// A poll that came, bounded.
#[derive(Clone, Debug)]
pub(in crate::messages) struct IncomingPoll {
    options: Vec<(String, Option<i64>)>,
    is_multiple: bool,
    ends_at: Option<Timestamp>,
    is_closed: bool,
    voters: Option<i64>,
}

impl IncomingPoll {
    /// What can be voted for.
    pub(in crate::messages) fn texts(&self) -> impl Iterator<Item = &str> {
        self.options.iter().map(|(text, _)| text.as_str())
    }
}

/// The poll that an object is; `None` when it is none, or one that cannot be voted in.
pub(in crate::messages) fn poll(note: &Object) -> Option<IncomingPoll> {
    let question = note.as_question()?;
    let count = |count: Option<u64>| {
        let count = count.and_then(|count| i64::try_from(count).ok());
        count.map(|count| count.min(MOST_COUNTED))
    };
    let mut options: Vec<(String, Option<i64>)> = Vec::new();
    for choice in &question.choices {
        let text = text::clean(&choice.name, MAX_OPTION);
        // Votes name the text, so it has to be whole and tell options apart.
        if text != choice.name || text.is_empty() || options.iter().any(|(it, _)| *it == text) {
            return None;
        }
        options.push((text, count(choice.votes)));
    }
    (FEWEST..=MOST)
        .contains(&options.len())
        .then_some(IncomingPoll {
            options,
            is_multiple: question.is_multiple,
            ends_at: question.end_time,
            is_closed: question.closed.is_some(),
            voters: count(question.voters),
        })
}

/// The option that a note votes for, when it is a vote: it has a name and says nothing.
pub(in crate::messages) fn vote(note: &Object) -> Option<String> {
    let says = note
        .content
        .as_deref()
        .is_some_and(|text| !text.trim().is_empty());
    if says || note.in_reply_to.is_none() {
        return None;
    }
    note.name.clone()
}

/// Stores the poll that a message of another node is.
pub(in crate::messages) fn take_in(
    ctx: &Ctx,
    connection: &mut Connection,
    message: MessageId,
    poll: Option<&IncomingPoll>,
) -> Result<(), DatabaseError> {
    let Some(incoming) = poll else {
        return Ok(());
    };
    let now = ctx.now();
    // What does not end there ends here at some time.
    let longest = now.plus(LONGEST);
    let ends_at = match incoming.ends_at {
        _ if incoming.is_closed => now,
        Some(ends_at) => ends_at.min(longest),
        None => longest,
    };
    let poll = Poll {
        message_id: message,
        is_multiple: incoming.is_multiple,
        is_own: false,
        ends_at: ends_at.as_millis(),
        ended_at: None,
        voters: incoming.voters.unwrap_or(0),
    };
    let option = |(position, (text, votes)): (i32, &(String, Option<i64>))| PollOption {
        message_id: message,
        position,
        text: text.clone(),
        votes: votes.unwrap_or(0),
    };
    let options: Vec<PollOption> = (0..).zip(&incoming.options).map(option).collect();
    store::insert(connection, &poll, &options)
}

/// Takes over how a poll of another node stands now, and tells of it.
///
/// Other options than those that are known change nothing: people have voted for these.
pub(in crate::messages) fn take_over(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    message: &Message,
    incoming: Option<&IncomingPoll>,
) -> Result<(), DatabaseError> {
    let (Some(incoming), Some((mut poll, mut options))) =
        (incoming, store::by_message(connection, message.id)?)
    else {
        return Ok(());
    };
    let before = (poll.clone(), options.clone());
    let is_same = options.len() == incoming.options.len()
        && options
            .iter()
            .zip(&incoming.options)
            .all(|(known, (text, _))| known.text == *text);
    if poll.is_own || !is_same {
        return Ok(());
    }
    for (known, (_, votes)) in options.iter_mut().zip(&incoming.options) {
        known.votes = votes.unwrap_or(known.votes);
    }
    poll.voters = incoming.voters.unwrap_or(poll.voters);
    if incoming.is_closed {
        poll.ends_at = poll.ends_at.min(ctx.now().as_millis());
    }
    if (&poll, &options) == (&before.0, &before.1) {
        return Ok(());
    }
    store::set_counts(connection, &poll, &options)?;
    tell(ctx, connection, log, "poll.updated", message)
}

/// Takes in a vote in a poll of this node.
///
/// # Security
/// The activity must have been proven to be `author`'s. Only who takes part in the conversation votes,
/// once for each option, and once in all where one may be chosen.
pub(in crate::messages) fn receive_vote(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (answers, name): (Option<&str>, &str),
    author: &Actor,
) -> Result<Received, DatabaseError> {
    let Some(user) = accounts::store::by_actor(connection, author.id.as_str())? else {
        return Ok(Err(Ignored::Unknown));
    };
    if user.is_local() || !user.is_active() {
        return Ok(Err(Ignored::ActorRefused));
    }
    let asked = messages::store::all_by_uri(connection, answers.unwrap_or_default())?;
    for message in asked {
        let seen = access::see(connection, user.id, message.channel_id, ctx.now())?;
        let may = seen.filter(|seen| {
            seen.permissions.contains(Permission::AddReactions) && message.seq >= seen.visible_from
        });
        let Some(seen) = may else {
            continue;
        };
        if are_apart(connection, &seen.channel, user.id)? {
            return Ok(Err(Ignored::ActorRefused));
        }
        let Some((poll, options)) = store::by_message(connection, message.id)? else {
            continue;
        };
        if !poll.is_own {
            continue;
        }
        if poll.is_over(ctx.now()) {
            return Ok(Err(Ignored::Stale));
        }
        let Some(option) = options.iter().find(|option| option.text == name) else {
            return Ok(Err(Ignored::Unknown));
        };
        let old = store::choices_of(connection, message.id, user.id)?;
        if old.contains(&option.position) || (!poll.is_multiple && !old.is_empty()) {
            return Ok(Err(Ignored::Duplicate));
        }
        let mut new = old.clone();
        new.push(option.position);
        store::vote(
            connection,
            message.id,
            user.id,
            (old.as_slice(), new.as_slice()),
        )?;
        send_counts(ctx, connection, &message)?;
        tell(ctx, connection, log, "poll.updated", &message)?;
        return Ok(Ok(message.id));
    }
    Ok(Err(Ignored::Unknown))
}
