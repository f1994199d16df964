//! `/api/v1/channels/{id}/typing`.

use axum::Extension;
use axum::extract::State;
use http::StatusCode;

use super::Typing;
use crate::base::ids::ChannelId;
use crate::base::scope::Scope;
use crate::communities::known::Known;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::Path;
use crate::platform::http::routes::Routes;
use utoipa_axum::routes;

/// The route of this part.
pub(in crate::messages) fn router() -> Routes {
    Routes::new().add(
        Access::member(Scope::Write).visitors(),
        routes!(begin_typing),
    )
}

/// Tells those who see a channel that the member is writing there.
#[utoipa::path(post, path = "/api/v1/channels/{id}/typing", tag = "messages", params(("id" = ChannelId, Path, description = "The channel")), responses((status = 204)))]
pub(super) async fn begin_typing(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    Extension(typing): Extension<Typing>,
    me: CurrentUser,
    Path(channel): Path<ChannelId>,
) -> Result<StatusCode, ApiError> {
    typing.begin(&ctx, &known, me.id, channel).await?;
    Ok(StatusCode::NO_CONTENT)
}
