//! What members write, held against the rules of the node and of the community.

use federation_core::store::sql::Connection;

use super::forwards::Forward;
use super::model::{Draft, Message};
use super::polls::model::PollDraft;
use crate::base::ids::UserId;
use crate::channels::access::Seen;
use crate::moderation::rules::{self, About, Said, Verdict};
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// Which rules a text breaks; goes on only when none refuses it.
pub(super) fn judged(
    ctx: &Ctx,
    connection: &mut Connection,
    seen: &Seen,
    (author, content): (UserId, &str),
    is_edit: bool,
) -> Result<Verdict, ApiError> {
    let said = Said {
        author,
        seen: Some(seen),
        content,
        is_edit,
    };
    let verdict = rules::judge(ctx, connection, &said)?;
    verdict.allow()?;
    Ok(verdict)
}

/// All that a message brings to read: what was written, what can be voted for, what is passed on.
pub(super) fn texts(draft: &Draft, poll: Option<&PollDraft>, forward: Option<&Forward>) -> String {
    let options = poll.into_iter().flat_map(|poll| &poll.options);
    let passed_on = forward.map(|forward| &forward.content);
    let all = std::iter::once(&draft.content)
        .chain(options)
        .chain(passed_on);
    let all: Vec<&str> = all.map(String::as_str).collect();
    all.join("\n")
}

/// A message as rules tell of it.
pub(super) fn about<'a>(seen: &Seen, message: &'a Message) -> About<'a> {
    About {
        message: Some(message.id),
        uri: &message.uri,
        channel: Some(message.channel_id),
        community: seen.channel.community_id,
        author: message.author_id,
        content: &message.content,
    }
}
