//! Polls: a `Question`, and votes as notes that name an option (FEP-9967).

use std::collections::HashSet;

use thiserror::Error;
use url::Url;

use super::error::OwnershipError;
use super::objects::{StoredObject, own_object, update};
use crate::clock::Timestamp;
use crate::inbox::Verified;
use crate::vocab::{ActivityKind, Object, ObjectKind, Value};

/// Options of a poll that are read at most.
pub const MAX_OPTIONS: usize = 64;

/// A poll as its owner shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Poll {
    /// Its id.
    pub id: Url,
    /// The options, in order, their names unlike each other.
    pub options: Vec<PollOption>,
    /// Whether one voter may choose several options.
    pub multiple: bool,
    /// When voting ends or ended; `None`: not by time.
    pub closes_at: Option<Timestamp>,
    /// How many voted.
    pub voters: Option<u64>,
}

/// One option of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PollOption {
    /// What it says.
    pub name: String,
    /// How many chose it, by the owner's account.
    pub votes: u64,
}

/// What an `Update` of a poll brings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the options stay or they do not")]
pub enum PollChange {
    /// New counts, or a new end, for the same options.
    Counts(Poll),
    /// Other options: votes for the old ones count no more.
    Replaced(Poll),
}

/// Why a poll or a vote is refused. None of these is worth a retry.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PollError {
    /// The poll or the vote is not its actor's to make.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// The object is not a poll that can be read.
    #[error("not a poll: {fault}")]
    NotAPoll {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The note is not a vote: it does not name an option of this poll and nothing else.
    #[error("not a vote in this poll")]
    NotAVote,
    /// Voting has ended.
    #[error("the poll is closed")]
    Closed,
    /// The voter has chosen this option, or, where only one may be chosen, another.
    #[error("the voter has voted")]
    Voted,
    /// The owner of a poll has no vote in it.
    #[error("the poll is the voter's own")]
    OwnPoll,
}

impl PollError {
    /// Whether the same activity is worth sending again: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

impl Poll {
    /// Reads a poll.
    ///
    /// # Errors
    /// [`PollError::NotAPoll`] for another type, no id, no options or too many of them, options
    /// without a name or with the same one, or both `oneOf` and `anyOf`.
    pub fn read(object: &Object) -> Result<Self, PollError> {
        let fault = |fault| PollError::NotAPoll { fault };
        if object.kind != ObjectKind::Question {
            return Err(fault("another type"));
        }
        let id = object.id.clone().ok_or_else(|| fault("no id"))?;
        let listed = |property: &str| object.extra.get(property).and_then(Value::as_array);
        let (list, multiple) = match (listed("oneOf"), listed("anyOf")) {
            (Some(list), None) => (list, false),
            (None, Some(list)) => (list, true),
            (Some(list), Some(other)) if other.is_empty() => (list, false),
            (Some(other), Some(list)) if other.is_empty() => (list, true),
            _ => return Err(fault("neither one choice nor several")),
        };
        if list.is_empty() || list.len() > MAX_OPTIONS {
            return Err(fault("no options, or too many"));
        }
        let options: Option<Vec<PollOption>> = list.iter().map(option).collect();
        let options = options.ok_or_else(|| fault("an option without a name"))?;
        let names: HashSet<&str> = options.iter().map(|option| option.name.as_str()).collect();
        if names.len() < options.len() {
            return Err(fault("two options of one name"));
        }
        let time = |property: &str| {
            let text = object.extra.get(property).and_then(Value::as_str);
            text.and_then(Timestamp::parse_rfc3339)
        };
        Ok(Self {
            id,
            options,
            multiple,
            closes_at: time("closed").or_else(|| time("endTime")),
            voters: object.extra.get("votersCount").and_then(Value::as_u64),
        })
    }

    /// Whether voting has ended at `now`.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.closes_at.is_some_and(|closes_at| closes_at <= now)
    }
}

fn option(value: &Value) -> Option<PollOption> {
    let name = value.get("name")?.as_str()?;
    let votes = value.pointer("/replies/totalItems").and_then(Value::as_u64);
    Some(PollOption {
        name: name.to_owned(),
        votes: votes.unwrap_or(0),
    })
}

/// The option that a vote in the poll `poll` of `owner` chooses, by its index.
///
/// `cast` are the indexes that the same voter has chosen before.
///
/// # Errors
/// [`PollError`] (attack 45): a vote is its actor's alone, names one option, comes in time, and
/// once.
pub fn vote(
    verified: &Verified,
    poll: &Poll,
    owner: &Url,
    cast: &[usize],
) -> Result<usize, PollError> {
    if verified.activity().kind != ActivityKind::Create {
        return Err(OwnershipError::OtherKind.into());
    }
    let note = own_object(verified)?;
    if note.attributed_to.len() != 1 {
        return Err(OwnershipError::NotTheOwner.into());
    }
    let empty = note.content.as_deref().is_none_or(str::is_empty);
    if note.in_reply_to.as_ref() != Some(&poll.id) || !empty || note.kind != ObjectKind::Note {
        return Err(PollError::NotAVote);
    }
    let named = note.name.as_deref().ok_or(PollError::NotAVote)?;
    let chosen = poll.options.iter().position(|option| option.name == named);
    let chosen = chosen.ok_or(PollError::NotAVote)?;
    if verified.activity().actor == *owner {
        return Err(PollError::OwnPoll);
    }
    if poll.is_closed(verified.received_at()) {
        return Err(PollError::Closed);
    }
    if cast.contains(&chosen) || (!poll.multiple && !cast.is_empty()) {
        return Err(PollError::Voted);
    }
    Ok(chosen)
}

/// The new state of a stored poll, counts included.
///
/// # Errors
/// As [`update`], by the stored owner (attack 45); [`PollError::NotAPoll`] when it is one no
/// longer.
pub fn update_poll(
    verified: &Verified,
    stored: &StoredObject<'_>,
    poll: &Poll,
) -> Result<PollChange, PollError> {
    let told = Poll::read(update(verified, stored)?)?;
    let names = |poll: &Poll| -> Vec<String> {
        let names = poll.options.iter().map(|option| option.name.clone());
        names.collect()
    };
    Ok(
        if names(&told) == names(poll) && told.multiple == poll.multiple {
            PollChange::Counts(told)
        } else {
            PollChange::Replaced(told)
        },
    )
}
