//! `POST /api/v1/users/@me/export`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use utoipa_axum::routes;

use super::Documents;
use super::actions;
use super::model::Running;
use super::wire::ExportMe;
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::auth::proof::Proven;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::Json;
use crate::platform::http::routes::Routes;

/// What the handler needs beside the [`Ctx`].
#[derive(Clone, Debug)]
struct Exports {
    auth: Auth,
    documents: Arc<dyn Documents>,
    running: Running,
}

/// The routes of this feature.
pub fn router(auth: Auth, documents: Arc<dyn Documents>) -> Routes {
    let own = Access::first_party().class(RateClass::Auth);
    Routes::new().add(own, routes!(export_me)).with(Exports {
        auth,
        documents,
        running: Running::default(),
    })
}

/// All that the node holds about the member, as a tar; a body that breaks off is not the whole.
#[utoipa::path(post, path = "/api/v1/users/@me/export", tag = "users", request_body = ExportMe, responses((status = 200, description = "The archive", content_type = "application/x-tar"), (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
async fn export_me(
    State(ctx): State<Ctx>,
    Extension(exports): Extension<Exports>,
    (me, caller): (CurrentUser, Caller),
    Json(body): Json<ExportMe>,
) -> Result<Response, ApiError> {
    let slot = exports.running.take(me.id)?;
    // Before the sign-in is looked at once more, so that no end of it falls in between.
    let sign_in = ctx.authenticator().ended(&me);
    let proven = Proven::password(&ctx, &exports.auth, me.id, &caller, body.password).await?;
    let user = actions::allow(&ctx, me, &caller, &proven, body.otp).await?;
    let headers = headers(&user.username);
    let body = actions::send(&ctx, user, exports.documents, slot, sign_in);
    Ok((headers, body).into_response())
}

fn headers(username: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let tar = HeaderValue::from_static("application/x-tar");
    headers.insert(CONTENT_TYPE, tar);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The names of members are safe in file names (`Username`).
    let file = format!("attachment; filename=\"{username}-export.tar\"");
    if let Ok(file) = HeaderValue::try_from(file) {
        headers.insert(CONTENT_DISPOSITION, file);
    }
    headers
}
