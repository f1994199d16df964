//! `/api/v1/search` and `/api/v1/channels/{id}/search`: what was said, and where.

use axum::extract::State;
use axum::response::Response;
use http::Uri;

use super::actions;
use super::cursor::SearchCursor;
use super::wire::{FoundMessage, SearchQuery};
use crate::base::ids::{ChannelId, CommunityId, UserId};
use crate::base::page::Page;
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Path, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;
use utoipa_axum::routes;

/// The routes of this feature.
pub(in crate::messages) fn router() -> Routes {
    let searching = Access::member(Scope::Read).class(RateClass::Search);
    Routes::new()
        .add(searching, routes!(search_everything))
        .add(searching, routes!(search_channel))
}

/// Searches all that the member may read back.
#[utoipa::path(get, path = "/api/v1/search", tag = "messages", params(("q" = String, Query, description = "Words that are all said, the last one by its beginning; \"a phrase\" in quotes; -what is not said"), ("community" = Option<CommunityId>, Query, description = "Only in this community"), ("channel" = Option<ChannelId>, Query, description = "Only in this channel"), ("author" = Option<UserId>, Query, description = "Only by this person"), ("after_date" = Option<String>, Query, description = "Only from this day or moment on (RFC 3339)"), ("before_date" = Option<String>, Query, description = "Only before this day or moment (RFC 3339)"), ("has_attachment" = Option<bool>, Query, description = "Only with files, or only without"), ("order" = Option<String>, Query, pattern = "^(rank|newest)$", description = "rank (as when absent) or newest"), Cursors<SearchCursor>), responses((status = 200, body = Page<FoundMessage, SearchCursor>), (status = 404, body = Problem)))]
pub(super) async fn search_everything(
    State(ctx): State<Ctx>,
    user: CurrentUser,
    uri: Uri,
    Query(query): Query<SearchQuery>,
) -> Result<Response, ApiError> {
    let (search, wanted) = query.read(None)?;
    let found = actions::search(&ctx, user.id, search, wanted).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

/// Searches one channel or conversation.
#[utoipa::path(get, path = "/api/v1/channels/{id}/search", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("q" = String, Query, description = "Words that are all said, the last one by its beginning; \"a phrase\" in quotes; -what is not said"), ("author" = Option<UserId>, Query, description = "Only by this person"), ("after_date" = Option<String>, Query, description = "Only from this day or moment on (RFC 3339)"), ("before_date" = Option<String>, Query, description = "Only before this day or moment (RFC 3339)"), ("has_attachment" = Option<bool>, Query, description = "Only with files, or only without"), ("order" = Option<String>, Query, pattern = "^(rank|newest)$", description = "rank (as when absent) or newest"), Cursors<SearchCursor>), responses((status = 200, body = Page<FoundMessage, SearchCursor>)))]
pub(super) async fn search_channel(
    State(ctx): State<Ctx>,
    user: CurrentUser,
    uri: Uri,
    Path(channel): Path<ChannelId>,
    Query(query): Query<SearchQuery>,
) -> Result<Response, ApiError> {
    let (search, wanted) = query.read(Some(channel))?;
    let found = actions::search(&ctx, user.id, search, wanted).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}
