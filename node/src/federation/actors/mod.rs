//! The actors of this node as documents: its members and the node itself.

pub(super) mod group;
mod node;
mod person;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use federation_core::vocab::{Object, Value};
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};

pub(crate) use self::node::{NODE_NAME, node_actor, node_id};
pub(crate) use self::person::person;
use super::Edge;
use super::response::{document, require_activity};
use crate::accounts::model::{User, Username};
use crate::accounts::store;
use crate::config::Origin;
use crate::exports::Documents;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::Path;

/// The routes of the documents.
pub(super) fn router() -> Router<Ctx> {
    Router::new()
        .route("/users/{name}", get(show_person))
        .route("/actor", get(show_node))
}

/// A member by the name in a path, even when gone.
///
/// # Errors
/// 404 when nobody has or had that name.
pub(super) async fn member(ctx: &Ctx, name: &str) -> Result<User, ApiError> {
    let username: Username = name.parse().map_err(|_not_a_name| ApiError::not_found())?;
    if username.as_str() != name {
        return Err(ApiError::not_found());
    }
    let found = ctx
        .db()
        .read(move |connection| store::local_by_username(connection, &username))
        .await?;
    found.ok_or_else(ApiError::not_found)
}

/// The same as [`member`] for somebody who is still there.
///
/// # Errors
/// 404 when nobody has that name, 410 when they are gone.
pub(super) async fn active_member(ctx: &Ctx, name: &str) -> Result<User, ApiError> {
    let user = member(ctx, name).await?;
    if user.is_active() {
        return Ok(user);
    }
    Err(ApiError::new(
        StatusCode::GONE,
        "gone",
        "This account is gone.",
    ))
}

async fn show_person(
    State(ctx): State<Ctx>,
    Extension(edge): Extension<Edge>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    require_activity(&headers)?;
    let user = member(&ctx, &name).await?;
    let id = ctx.origin().join(&format!("/users/{}", user.username));
    if !user.is_active() {
        let tombstone = Object::tombstone(id).to_value();
        return Ok(document(StatusCode::GONE, &tombstone));
    }
    let actor = edge.document_of(&user, ctx.origin()).await?;
    Ok(document(StatusCode::OK, &actor))
}

impl Documents for Edge {
    fn document_of<'a>(
        &'a self,
        user: &'a User,
        origin: &'a Origin,
    ) -> BoxFuture<'a, Result<Value, ApiError>> {
        Box::pin(async move {
            let id = origin.join(&format!("/users/{}", user.username));
            let keys = self.keys().of(&id).await.map_err(ApiError::internal)?;
            Ok(person(user, keys.published().to_vec(), origin).to_value())
        })
    }
}

/// The node's own actor is shown without a signature: two nodes that both ask for one before they
/// show anything could never get to know each other.
async fn show_node(
    State(ctx): State<Ctx>,
    Extension(edge): Extension<Edge>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    require_activity(&headers)?;
    let keys = edge.node_keys().await.map_err(ApiError::internal)?;
    let actor = node_actor(ctx.origin(), keys.published().to_vec());
    Ok(document(StatusCode::OK, &actor.to_value()))
}
