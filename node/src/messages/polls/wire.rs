//! Polls as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::{Poll, PollOption};
use crate::base::ids::{ChannelId, MessageId};

/// The poll in the body of `POST …/messages`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::messages) struct NewPoll {
    /// What can be voted for: 2 to 10 different texts of 1 to 100 characters.
    pub(super) options: Vec<String>,
    /// Whether one may vote for several.
    #[serde(default)]
    pub(super) multiple: bool,
    /// Seconds until it ends, from a minute to 30 days.
    pub(super) ends_in: u64,
}

/// A poll; nobody is told who voted for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PollView {
    /// What can be voted for; choices are counted from 0.
    pub options: Vec<PollOptionView>,
    /// Whether one may vote for several.
    pub multiple: bool,
    /// How many people voted.
    pub voters: i64,
    /// When it ends, or ended.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// Whether its end has been told.
    pub ended: bool,
}

/// What can be voted for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PollOptionView {
    /// Its text.
    pub text: String,
    /// How many voted for it.
    pub votes: i64,
}

impl PollView {
    /// Shows a poll.
    pub(super) fn new(poll: &Poll, options: &[PollOption]) -> Self {
        let option = |option: &PollOption| PollOptionView {
            text: option.text.clone(),
            votes: option.votes,
        };
        Self {
            options: options.iter().map(option).collect(),
            multiple: poll.is_multiple,
            voters: poll.voters,
            ends_at: Timestamp::from_millis(poll.ends_at),
            ended: poll.ended_at.is_some(),
        }
    }
}

/// A poll as one member sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct VotesView {
    /// The counts.
    #[serde(flatten)]
    pub(super) poll: PollView,
    /// What the member voted for.
    pub(super) choices: Vec<i32>,
}

/// The body of `PUT …/poll/votes`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutVotes {
    /// Which options, counted from 0.
    pub(super) choices: Vec<i32>,
}

/// What the events `poll.updated` and `poll.ended` carry.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PollEvent {
    pub(super) message_id: MessageId,
    pub(super) channel_id: ChannelId,
    pub(super) poll: PollView,
}
