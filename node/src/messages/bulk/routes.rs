//! `/api/v1/channels/{id}/messages/bulk-delete`.

use axum::extract::State;
use federation_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

use super::actions::{self, Which};
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::routes::Routes;

/// The routes of this part.
pub(in crate::messages) fn router() -> Routes {
    Routes::new().add(Access::member(Scope::Write), routes!(bulk_delete))
}

/// Which messages to delete: `ids`, or `author` and `since`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkDelete {
    /// 1 to 100 messages; those that are gone already are passed over.
    #[serde(default)]
    ids: Option<Vec<MessageId>>,
    /// Whose messages, newest first and at most 500.
    #[serde(default)]
    author: Option<UserId>,
    /// From when on, up to 14 days back.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
}

/// How many messages were deleted.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
struct BulkDeleted {
    deleted: u32,
}

/// Deletes many messages of a channel at once, where one may delete those of others.
#[utoipa::path(post, path = "/api/v1/channels/{id}/messages/bulk-delete", tag = "messages", params(("id" = ChannelId, Path, description = "The channel")), request_body = BulkDelete, responses((status = 200, body = BulkDeleted), (status = 403, body = Problem)))]
async fn bulk_delete(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(channel): Path<ChannelId>,
    Json(body): Json<BulkDelete>,
) -> Result<Json<BulkDeleted>, ApiError> {
    let which = match (body.ids, body.author, body.since) {
        (Some(ids), None, None) => Which::Ids(ids),
        (None, Some(author), Some(since)) => Which::Of(author, since),
        _ => {
            let detail = "Name ids, or author and since.";
            return Err(ApiError::invalid("invalid_selection", detail));
        }
    };
    let deleted = actions::delete(&ctx, me, channel, which).await?;
    let deleted = u32::try_from(deleted).unwrap_or(u32::MAX);
    Ok(Json(BulkDeleted { deleted }))
}
