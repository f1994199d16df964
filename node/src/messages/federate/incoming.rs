//! A remote activity about a note, read and judged as far as that goes without a database.

use std::collections::HashSet;

use federation_core::vocab::{Activity, Actor, Object, ObjectKind, Value, is_public};
use url::Url;

use super::said::Said;
use crate::accounts::federate::person;
use crate::accounts::model::RemotePerson;
use crate::channels::conversations::names::Names;
use crate::config::{LimitsConfig, Origin};
use crate::messages::mentions;
use crate::messages::polls::federate as polls;

/// Bytes of HTML in a note that are read; more is not a chat message.
pub(super) const MAX_HTML: usize = 256 * 1024;
/// Bytes in the id of a conversation at most; a longer one is read as none.
const MAX_NAME: usize = 1024;

/// Why an activity that was proven to be its actor's has no effect all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ignored {
    /// It is about something else than a message.
    #[error("not about a message")]
    NotAMessage,
    /// It is addressed to the public or to followers.
    #[error("not a private message")]
    NotPrivate,
    /// Nobody of this node is addressed, or nobody who can get it.
    #[error("addresses nobody here")]
    NobodyHere,
    /// More people are addressed than a conversation may have.
    #[error("addresses too many people")]
    TooManyPeople,
    /// It is longer than a message may be.
    #[error("the message is too long")]
    TooLong,
    /// The object has an id of this node, which others cannot give.
    #[error("claims an id of this node")]
    LocalId,
    /// The object belongs to somebody else.
    #[error("the message is not the actor's")]
    NotTheOwner,
    /// The actor may not act here, or has no usable name.
    #[error("the actor may not write here")]
    ActorRefused,
    /// A rule of this node refuses it.
    #[error("refused by a rule of this node")]
    Refused,
    /// The actor may not do this in the channel.
    #[error("the actor may not do this in the channel")]
    NotAllowed,
    /// What a Group passes on is not proven to be its actor's.
    #[error("what is announced is not proven")]
    NotProven,
    /// It is of another Group than the one that passes it on.
    #[error("not of this group")]
    OtherGroup,
    /// There is such a message already.
    #[error("the message came before")]
    Duplicate,
    /// There is no such message.
    #[error("no such message")]
    Unknown,
    /// Those here whom it addresses take no messages from the actor, or left the conversation.
    #[error("those who are addressed do not take it")]
    NotWanted,
    /// The message was deleted.
    #[error("the message was deleted")]
    Deleted,
    /// There are as many reactions, or votes, as there may be.
    #[error("there are as many as there may be")]
    Full,
    /// The state it brings is older than the stored one.
    #[error("older than what is known")]
    Stale,
}

/// A note that came, sanitised and bounded.
#[derive(Clone, Debug)]
pub struct IncomingNote {
    pub(super) said: Said,
    pub(super) actor: Url,
    pub(super) answers: Option<String>,
    /// By which ids the conversation is known that it is part of.
    pub(super) names: Names,
    /// Actors that are tagged and named in the text.
    pub(super) mentioned: Vec<Url>,
    /// Actors of this node that are addressed.
    pub(super) local: Vec<String>,
    /// Actors of other nodes that are addressed, without the author.
    pub(super) others: Vec<Url>,
    /// Those of `others` that are known to be people.
    pub(super) people: Vec<RemotePerson>,
    /// The poll that it is.
    pub(super) poll: Option<polls::IncomingPoll>,
    /// The option that it votes for.
    pub(super) vote: Option<String>,
}

impl IncomingNote {
    /// Reads the note of a `Create` or `Update` by `author`.
    ///
    /// # Errors
    /// Why it is to be ignored.
    ///
    /// # Security
    /// The activity must have been proven to be `author`'s. The HTML is sanitised here, outside of
    /// any transaction, in time linear to its length.
    pub fn read(
        activity: &Activity,
        author: &Actor,
        origin: &Origin,
        limits: &LimitsConfig,
    ) -> Result<Self, Ignored> {
        let object = activity
            .single_object()
            .and_then(|object| object.as_object());
        let note = object
            .filter(|object| is_note(object))
            .ok_or(Ignored::NotAMessage)?;
        let uri = note.id.as_ref().ok_or(Ignored::NotAMessage)?;
        if origin.owns(uri) {
            return Err(Ignored::LocalId);
        }
        if !note.attributed_to.contains(&author.id)
            || note.attributed_to.iter().any(|owner| *owner != author.id)
            || uri.origin() != author.id.origin()
        {
            return Err(Ignored::NotTheOwner);
        }
        let raw = note.content.as_deref().unwrap_or_default();
        if raw.len() > MAX_HTML {
            return Err(Ignored::TooLong);
        }
        let said = Said::read(note, uri, raw);
        let mut read = Self {
            actor: author.id.clone(),
            mentioned: mentions::named(&note.tag, &said.content, limits.mentioned_people),
            said,
            answers: note.in_reply_to.as_ref().map(Url::to_string),
            names: names(note),
            local: Vec::new(),
            others: Vec::new(),
            people: Vec::new(),
            poll: polls::poll(note),
            vote: polls::vote(note),
        };
        read.address(activity, note, author, origin, limits)?;
        Ok(read)
    }

    fn address(
        &mut self,
        activity: &Activity,
        note: &Object,
        author: &Actor,
        origin: &Origin,
        limits: &LimitsConfig,
    ) -> Result<(), Ignored> {
        // Who is in a conversation everybody in it may know, so hidden recipients are not counted.
        let lists = [&note.to, &note.cc, &activity.to, &activity.cc];
        let mut seen = HashSet::from([author.id.as_str()]);
        for actor in lists.into_iter().flatten() {
            if is_public(actor.as_str()) || author.followers.as_ref() == Some(actor) {
                return Err(Ignored::NotPrivate);
            }
            if !seen.insert(actor.as_str()) {
                continue;
            }
            if seen.len() > limits.conversation_people {
                return Err(Ignored::TooManyPeople);
            }
            if origin.owns(actor) {
                self.local.push(actor.to_string());
            } else {
                self.others.push(actor.clone());
            }
        }
        if self.local.is_empty() {
            Err(Ignored::NobodyHere)
        } else {
            Ok(())
        }
    }

    /// The addressed actors of third nodes: few, and worth resolving before the transaction.
    pub fn strangers(&self) -> &[Url] {
        &self.others
    }

    /// Takes in those strangers that could be resolved; the others get no part in the conversation.
    pub fn introduce<'a>(&mut self, actors: impl IntoIterator<Item = &'a Actor>) {
        let known = actors
            .into_iter()
            .filter(|actor| self.others.contains(&actor.id));
        self.people = known
            .map(person)
            .filter(|person| !person.username.is_empty())
            .collect();
    }
}

/// The ids of its conversation, as far as they can be ids.
fn names(note: &Object) -> Names {
    let fits = |name: &str| {
        let is_clean = !name.chars().any(char::is_control);
        is_clean && name.len() <= MAX_NAME && Url::parse(name).is_ok()
    };
    let context = note.context.as_ref().map(Url::as_str);
    let conversation = note.extra.get("conversation").and_then(Value::as_str);
    Names {
        context: context.filter(|name| fits(name)).map(str::to_owned),
        conversation: conversation.filter(|name| fits(name)).map(str::to_owned),
    }
}

/// Notes, polls, and the chat messages that Pleroma's family sends.
fn is_note(object: &Object) -> bool {
    matches!(&object.kind, ObjectKind::Note | ObjectKind::Question)
        || object.kind.as_str() == "ChatMessage"
}
