//! Followers kept alike on both sides (FEP-8fcf): the list that other nodes may read, and what
//! follows from theirs.
//!
//! This node has no posts to followers yet, so it sends no such header; other nodes may fetch the
//! list all the same, and what they say in theirs is acted on.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use federation_core::followers::{Synchronization, partial_collection, reconcile};
use federation_core::inbox::Verified;
use federation_core::store::sql::DatabaseError;
use federation_core::vocab::{Actor, parse_id};
use http::{HeaderMap, StatusCode, Uri};

use super::Edge;
use super::actors::active_member;
use super::inbox::fetcher;
use super::response::{document, require_activity};
use crate::follows;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::Path;
use crate::platform::http::server::PeerAddress;

/// Follows younger than this are left alone: a list that was on its way may not have them.
const GRACE: Duration = Duration::from_mins(5);

/// The route of the list.
pub(super) fn router() -> Router<Ctx> {
    Router::new().route("/users/{name}/followers_synchronization", get(list))
}

/// Those followers of a member who live at the node that signs the request.
async fn list(
    State(ctx): State<Ctx>,
    (Extension(edge), peer): (Extension<Edge>, Option<Extension<PeerAddress>>),
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    require_activity(&headers)?;
    let Some(reader) = fetcher(&ctx, &edge, peer, &uri, &headers).await? else {
        let detail = "This list is shown to the node that it is about, by a signed request.";
        let unsigned = ApiError::unauthorized("signature_missing", detail);
        return Err(unsigned.wanting_signature(false));
    };
    let user = active_member(&ctx, &name).await?;
    let (owner, host) = (user.id, domain_of(&reader));
    let followers = ctx
        .db()
        .read(move |connection| follows::store::followers_at(connection, owner, &host))
        .await?;
    let followers: Vec<_> = followers.iter().filter_map(|id| parse_id(id)).collect();
    let url = ctx.origin().join(&format!(
        "/users/{}/followers_synchronization",
        user.username
    ));
    match partial_collection(url, &followers, &reader) {
        Some(list) => Ok(document(StatusCode::OK, &list.to_value())),
        None => Err(ApiError::not_found()),
    }
}

fn domain_of(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Compares followers in the background when the sender of an activity says that theirs changed;
/// once in a while for each sender, for few at a time.
pub(super) fn follow_up(ctx: &Ctx, edge: &Edge, verified: &Verified) {
    let Some(header) = verified.synchronization().cloned() else {
        return;
    };
    let Some(place) = edge.comparisons().begin(&verified.actor().id) else {
        return;
    };
    let (held, edge, sender) = (ctx.clone(), edge.clone(), verified.actor().clone());
    ctx.tasks().spawn(async move {
        let shutdown = held.tasks().shutdown().clone();
        let comparing = compare(&held, &edge, &header, &sender);
        match shutdown.run_until_cancelled(comparing).await {
            Some(Err(error)) => {
                tracing::info!(actor = %sender.id, %error, "followers were not compared");
            }
            Some(Ok(changed)) => tracing::debug!(actor = %sender.id, changed, "compared followers"),
            None => {}
        }
        drop(place);
    });
}

/// How many follows changed.
async fn compare(
    ctx: &Ctx,
    edge: &Edge,
    header: &Synchronization,
    sender: &Actor,
) -> Result<usize, ApiError> {
    let followed = sender.id.to_string();
    let known = ctx
        .db()
        .read(move |connection| follows::store::local_followers_of(connection, &followed))
        .await?;
    let known: Vec<_> = known.iter().filter_map(|id| parse_id(id)).collect();
    let own = ctx.origin().url();
    let found = reconcile(edge.directory(), header, sender, own, &known).await;
    let found = found.map_err(|error| {
        ApiError::new(StatusCode::BAD_GATEWAY, "not_comparable", error.to_string())
    })?;
    let Some(change) = found else {
        return Ok(0);
    };
    let (held, sender) = (ctx.clone(), sender.clone());
    let before = ctx.now().minus(GRACE);
    let changed = ctx
        .db()
        .write(move |connection| {
            follows::federate::receive_comparison(connection, &held, &sender, &change, before)
        })
        .await
        .map_err(|error: DatabaseError| ApiError::from(error))?;
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_written_as_those_of_people_are() {
        let url = |text: &str| url::Url::parse(text).unwrap();
        assert_eq!(
            domain_of(&url("https://there.example/actor")),
            "there.example"
        );
        assert_eq!(
            domain_of(&url("http://127.0.0.1:8080/actor")),
            "127.0.0.1:8080"
        );
    }
}
