//! The one place where a request is held against what its route needs.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, Method};

use super::access::{Access, Needs};
use super::address::ClientAddress;
use super::auth::{CurrentUser, bearer};
use super::error::ApiError;
use super::request::method_not_allowed;
use super::routes::Declared;
use crate::platform::ctx::Ctx;

/// What requests are held against.
#[derive(Clone, Debug)]
pub struct Guard {
    ctx: Ctx,
    declared: Arc<Declared>,
}

impl Guard {
    /// Holds requests against what routes declare.
    pub fn new(ctx: Ctx, declared: Arc<Declared>) -> Self {
        Self { ctx, declared }
    }

    async fn member(&self, access: Access, headers: &HeaderMap) -> Result<CurrentUser, ApiError> {
        let token = bearer(headers)?;
        let member = self.ctx.authenticator().authenticate(token).await?;
        if !access.visitors {
            member.at_home()?;
        }
        match access.needs {
            Needs::Nothing | Needs::Judged(_) => {}
            Needs::Member(scope) => member.within(scope)?,
            Needs::FirstParty => member.first_party()?,
            Needs::Privilege(privilege) => member.may(privilege)?,
        }
        Ok(member)
    }

    /// The answer where a path serves other methods, or nothing that was declared.
    fn refuse(&self, path: &str) -> Response {
        let methods: Vec<&str> = self.declared.methods(path).map(Method::as_str).collect();
        if methods.is_empty() {
            let detail = "This route does not say who may use it, so nobody may.";
            return ApiError::forbidden("undeclared_route", detail).into_response();
        }
        let mut response = method_not_allowed().into_response();
        if let Ok(value) = HeaderValue::try_from(methods.join(", ")) {
            response.headers_mut().insert(ALLOW, value);
        }
        response
    }
}

/// Middleware: lets a request through to its handler when what the route needs holds.
///
/// # Security
/// Whatever is not declared is refused, so a forgotten declaration shuts a route.
pub async fn guard(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    // Without a pattern nothing was matched, and the answer is 404.
    if let Some(path) = request.extensions().get::<MatchedPath>().cloned() {
        let Some(access) = guard.declared.access(path.as_str(), request.method()) else {
            return guard.refuse(path.as_str());
        };
        if access.needs.member() {
            let member = match guard.member(access, request.headers()).await {
                Ok(member) => member,
                Err(error) => return error.into_response(),
            };
            let address = request.extensions().get();
            let from = address.map(|ClientAddress(address)| *address);
            guard.ctx.authenticator().used(member.session, from);
            let now = guard.ctx.now();
            let shown = match guard.ctx.limits().ask_account(member.id, access.class, now) {
                Ok(shown) => shown,
                Err(refusal) => return refusal.into_response(),
            };
            request.extensions_mut().insert(member);
            let mut response = next.run(request).await;
            if let Some(shown) = shown {
                shown.add_to(response.headers_mut());
            }
            return response;
        }
    }
    next.run(request).await
}
