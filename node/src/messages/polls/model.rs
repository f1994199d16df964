//! What a poll is, and what may be asked; no IO.

use std::time::Duration;

use diesel::prelude::*;
use federation_core::Timestamp;

use super::wire::NewPoll;
use crate::base::ids::MessageId;
use crate::platform::db::schema::{poll_options, polls};
use crate::platform::http::error::ApiError;

/// Options of a poll at least.
pub(super) const FEWEST: usize = 2;
/// Options of a poll of this node at most (I11).
const MOST: usize = 10;
/// Characters in an option at most.
pub(super) const MAX_OPTION: usize = 100;
/// How long a poll is open at least.
const SHORTEST: Duration = Duration::from_mins(1);
/// How long a poll is open at most.
pub(super) const LONGEST: Duration = Duration::from_hours(30 * 24);

/// A poll, of which the message is the question.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = polls)]
pub(super) struct Poll {
    pub(super) message_id: MessageId,
    pub(super) is_multiple: bool,
    pub(super) is_own: bool,
    pub(super) ends_at: i64,
    pub(super) ended_at: Option<i64>,
    pub(super) voters: i64,
}

impl Poll {
    /// Whether nobody can vote any more.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.ended_at.is_some() || self.ends_at <= now.as_millis()
    }
}

/// What can be voted for.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = poll_options)]
pub(super) struct PollOption {
    pub(super) message_id: MessageId,
    pub(super) position: i32,
    pub(super) text: String,
    pub(super) votes: i64,
}

/// A poll that may be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollDraft {
    pub(in crate::messages) options: Vec<String>,
    pub(super) is_multiple: bool,
    pub(super) lasts: Duration,
}

impl PollDraft {
    /// Takes the poll of a member.
    ///
    /// # Errors
    /// 422: too few, too many, equal or unfit options, or it would be open too short or too long.
    pub(in crate::messages) fn new(asked: NewPoll) -> Result<Self, ApiError> {
        let refused = |detail: &str| Err(ApiError::invalid("invalid_poll", detail));
        if !(FEWEST..=MOST).contains(&asked.options.len()) {
            return refused("A poll has 2 to 10 options.");
        }
        let mut options: Vec<String> = Vec::with_capacity(asked.options.len());
        for option in asked.options {
            let text = option.trim();
            let length = text.chars().count();
            if !(1..=MAX_OPTION).contains(&length) || text.chars().any(char::is_control) {
                return refused("An option has 1 to 100 characters on one line.");
            }
            // Other nodes vote by the text.
            if options.iter().any(|other| other == text) {
                return refused("Two options are the same.");
            }
            options.push(text.to_owned());
        }
        let lasts = Duration::from_secs(asked.ends_in);
        if !(SHORTEST..=LONGEST).contains(&lasts) {
            return refused("A poll is open for a minute to 30 days.");
        }
        Ok(Self {
            options,
            is_multiple: asked.multiple,
            lasts,
        })
    }
}

/// The choices of a member, in order and each once.
///
/// # Errors
/// 422: there is no such option, or more were chosen than may be.
pub(super) fn choices(
    asked: &[i32],
    options: &[PollOption],
    is_multiple: bool,
) -> Result<Vec<i32>, ApiError> {
    let mut chosen = asked.to_vec();
    chosen.sort_unstable();
    chosen.dedup();
    let exists = |position: &i32| options.iter().any(|option| option.position == *position);
    if chosen.is_empty() || !chosen.iter().all(exists) || (!is_multiple && chosen.len() > 1) {
        let detail =
            "Choose by number, from 0: one option, or several where the poll takes several.";
        return Err(ApiError::invalid("invalid_choices", detail));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(options: &[&str], ends_in: u64) -> NewPoll {
        NewPoll {
            options: options.iter().map(|text| (*text).to_owned()).collect(),
            multiple: false,
            ends_in,
        }
    }

    #[test]
    fn polls_are_bounded() {
        let long = "x".repeat(101);
        let many = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
        for (options, ends_in) in [
            (&["a"][..], 60),
            (&many[..], 60),
            (&["a", " a "][..], 60),
            (&["a", " "][..], 60),
            (&["a", "b\nc"][..], 60),
            (&["a", &long][..], 60),
            (&["a", "b"][..], 59),
            (&["a", "b"][..], 30 * 24 * 3600 + 1),
            (&["a", "b"][..], u64::MAX),
        ] {
            let refused = PollDraft::new(asked(options, ends_in)).unwrap_err();
            assert_eq!(refused.code(), "invalid_poll", "{options:?}");
        }
        assert!(PollDraft::new(asked(&many[..10], 30 * 24 * 3600)).is_ok());
    }

    #[test]
    fn choices_exist_and_are_one_where_one_is_asked_for() {
        let option = |position| PollOption {
            message_id: MessageId::new(Timestamp::from_millis(1_795_190_734_032)),
            position,
            text: position.to_string(),
            votes: 0,
        };
        let options = [option(0), option(1), option(2)];
        assert_eq!(choices(&[2, 0, 2], &options, true).unwrap(), [0, 2]);
        assert_eq!(choices(&[1, 1], &options, false).unwrap(), [1]);
        for (bad, is_multiple) in [
            (&[][..], true),
            (&[3][..], true),
            (&[-1][..], true),
            (&[0, 1][..], false),
        ] {
            let refused = choices(bad, &options, is_multiple).unwrap_err();
            assert_eq!(refused.code(), "invalid_choices");
        }
    }
}
