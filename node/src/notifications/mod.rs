//! What members are told of beside the messages themselves: mentions, answers, direct messages,
//! follows, and what moderators did.
//!
//! This folder alone writes `notifications`, `channel_calls`, `notification_marks` and
//! `notification_preferences`. Rows are made in the transaction of what they tell of, at most one
//! for each person who is named. A message that calls everybody in a channel makes one row of
//! `channel_calls`, however many they are; who is called is found out when somebody reads
//! (`attention`, which also judges what a reader may still see).

pub mod calls;
mod making;
pub mod model;
pub mod preferences;
pub mod store;
pub mod unread;
pub mod wire;
pub mod workers;

pub use making::{MessageFacts, of_follow, of_message, of_moderation};
