//! What threads may be called: their names are held against the rules like messages.

use federation_core::store::sql::Connection;

use super::judge::{About, Said, judge};
use crate::base::ids::UserId;
use crate::channels::access::Seen;
use crate::channels::structure::Naming;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// Holds names against the rules of the node and of the community. A name cannot be deleted and leave
/// its thread: what a rule would delete is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names;

impl Naming for Names {
    fn allow(
        &self,
        ctx: &Ctx,
        connection: &mut Connection,
        seen: &Seen,
        (author, content): (UserId, &str),
    ) -> Result<(), ApiError> {
        let said = Said {
            author,
            seen: Some(seen),
            content,
            // Names repeat each other.
            is_edit: true,
        };
        let verdict = judge(ctx, connection, &said)?;
        verdict.keep()?;
        let about = About {
            message: None,
            uri: seen.channel.actor_uri.as_deref().unwrap_or_default(),
            channel: Some(seen.channel.id),
            community: seen.channel.community_id,
            author,
            content,
        };
        Ok(verdict.record(ctx, connection, &about)?)
    }
}
