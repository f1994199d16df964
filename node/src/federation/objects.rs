//! Messages as documents: those of public channels for everybody, others for those alone who are there.

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use federation_core::store::sql::Connection;
use http::{HeaderMap, StatusCode, Uri};

use super::Edge;
use super::inbox::fetcher;
use super::response::{document, require_activity};
use crate::base::ids::MessageId;
use crate::messages;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::Path;
use crate::platform::http::server::PeerAddress;

/// The routes of objects.
pub(super) fn router() -> Router<Ctx> {
    Router::new().route("/messages/{id}", get(show))
}

/// A Note, or its Tombstone: of a public channel to everybody, else to a fetch signed by somebody it is
/// for.
///
/// # Security
/// Everybody else gets the same 404 as for a message that never was.
async fn show(
    State(ctx): State<Ctx>,
    (Extension(edge), peer): (Extension<Edge>, Option<Extension<PeerAddress>>),
    uri: Uri,
    Path(id): Path<MessageId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    require_activity(&headers)?;
    let reader = fetcher(&ctx, &edge, peer, &uri, &headers).await?;
    let (held, asks) = (ctx.clone(), reader.as_ref().map(ToString::to_string));
    let said = move |connection: &mut Connection| {
        messages::federate::group::document(&held, connection, id, asks.as_deref())
    };
    if let Some(shown) = ctx.db().read(said).await? {
        let status = StatusCode::OK;
        return Ok(document(status, &shown));
    }
    let Some(reader) = reader else {
        return Err(ApiError::not_found());
    };
    let held = ctx.clone();
    let served = ctx
        .db()
        .read(move |connection| messages::federate::document(&held, connection, id))
        .await?;
    match served {
        Some(served) if served.readers.contains(reader.as_str()) => {
            Ok(document(StatusCode::OK, &served.document))
        }
        _ => Err(ApiError::not_found()),
    }
}
