//! Takes what a message says, for somebody who passes it on.

use federation_core::store::sql::Connection;

use super::model::Forward;
use super::store::one;
use super::wire::ForwardSource;
use crate::accounts;
use crate::base::ids::{MessageId, UserId};
use crate::base::permission::Permission;
use crate::channels::access;
use crate::messages::store;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// What a message says now, to be carried by the message `carrier` of `user`.
///
/// A message that itself says nothing and passes something on is passed over: what it carries goes
/// on.
///
/// # Errors
/// 422 when they see no such message, 403 when they may not read back there.
pub(in crate::messages) fn take(
    ctx: &Ctx,
    connection: &mut Connection,
    user: UserId,
    source: ForwardSource,
    carrier: MessageId,
) -> Result<Forward, ApiError> {
    let seen = access::see(connection, user, source.channel_id, ctx.now())?;
    let seen = seen.ok_or_else(unknown)?;
    seen.needs(Permission::ReadHistory)?;
    let message = store::by_id(connection, source.channel_id, source.message_id)?;
    let message = message.filter(|message| message.is_seen_by(user, seen.visible_from));
    let message = message.ok_or_else(unknown)?;
    if message.content.is_empty()
        && let Some(carried) = one(connection, message.id)?
    {
        return Ok(Forward {
            message_id: carrier,
            ..carried
        });
    }
    let author = accounts::store::by_id(connection, message.author_id)?.ok_or_else(unknown)?;
    Ok(Forward {
        message_id: carrier,
        author: author.handle(ctx.origin()),
        uri: message.uri,
        content: message.content,
        html: message.html,
        created_at: message.created_at,
    })
}

fn unknown() -> ApiError {
    let detail = "You see no such message that could be forwarded.";
    ApiError::invalid("unknown_forward", detail)
}
