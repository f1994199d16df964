//! Polls (Activity Vocabulary, `Question`; FEP-9967).

use serde_json::Value;

use super::kind::ObjectKind;
use super::object::Object;
use super::reader::entries;
use crate::clock::Timestamp;

/// Choices of one poll that are read at most.
pub const MAX_CHOICES: usize = 100;

/// A poll, as its [`Object`] tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Question {
    /// What can be chosen.
    pub choices: Vec<Choice>,
    /// Whether several may be chosen (`anyOf`), and not only one (`oneOf`).
    pub is_multiple: bool,
    /// When it ends.
    pub end_time: Option<Timestamp>,
    /// Whether it has ended, or when it did.
    pub closed: Option<Closed>,
    /// How many have voted, by its author's account.
    pub voters: Option<u64>,
}

/// One choice of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// The text; a vote names it.
    pub name: String,
    /// How many have chosen it, by the author's account.
    pub votes: Option<u64>,
}

/// That a poll has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// At this time.
    At(Timestamp),
    /// Not said when.
    Yes,
}

impl Object {
    /// Reads the object as the poll that it is; `None` when it is none, or has no choices.
    ///
    /// Choices without a text, and those beyond [`MAX_CHOICES`], are left out. The object itself
    /// keeps everything.
    ///
    /// ```
    /// use federation_core::vocab::Object;
    /// use serde_json::json;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let poll = Object::from_value(json!({
    ///     "type": "Question", "endTime": "2026-11-20T12:00:00Z",
    ///     "oneOf": [{"type": "Note", "name": "yes", "replies": {"type": "Collection", "totalItems": 3}}],
    /// }))?;
    /// let question = poll.as_question().unwrap();
    /// assert_eq!(question.choices[0].votes, Some(3));
    /// assert!(!question.is_multiple);
    /// # Ok(())
    /// # }
    /// ```
    pub fn as_question(&self) -> Option<Question> {
        if self.kind != ObjectKind::Question {
            return None;
        }
        let (list, is_multiple) = match (self.extra.get("oneOf"), self.extra.get("anyOf")) {
            (Some(list), _) => (list, false),
            (None, Some(list)) => (list, true),
            (None, None) => return None,
        };
        let choices = entries(list).iter().take(MAX_CHOICES);
        let time = |value: &Value| Timestamp::parse_rfc3339(value.as_str()?);
        Some(Question {
            choices: choices.filter_map(choice).collect(),
            is_multiple,
            end_time: self.extra.get("endTime").and_then(time),
            closed: self.extra.get("closed").and_then(|value| match value {
                Value::Bool(true) => Some(Closed::Yes),
                Value::Bool(false) | Value::Null => None,
                value => Some(time(value).map_or(Closed::Yes, Closed::At)),
            }),
            voters: self.extra.get("votersCount").and_then(Value::as_u64),
        })
    }
}

fn choice(value: &Value) -> Option<Choice> {
    let name = value.get("name")?.as_str()?.to_owned();
    let votes = value
        .get("replies")
        .and_then(|replies| replies.get("totalItems"));
    let votes = votes.and_then(Value::as_u64);
    Some(Choice { name, votes })
}
