//! `/oauth`, `/api/v1/oauth` and the metadata of this authorization server.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use federation_core::store::sql::Connection;
use http::header::{CACHE_CONTROL, ORIGIN};
use http::{HeaderMap, HeaderValue, StatusCode};
use utoipa_axum::routes;

use super::authorize::{self, Asked, Refusal};
use super::error::{OauthError, OauthProblem};
use super::form::{Form, Parameters, Query};
use super::model::AuthMethod;
use super::page::{self, Shown};
use super::wire::{
    ApplicationView, Consent, Consented, Introspected, Metadata, Registered, Registration, Tokens,
};
use super::{client, registration, token};
use crate::accounts::authority::effective;
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::auth::showing::show_all;
use crate::auth::wire::Login;
use crate::base::scope::{Scope, Scopes};
use crate::config::Secret;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::routes::Routes;

/// The routes of this feature.
pub fn router(auth: Auth) -> Routes {
    let open = Access::public().class(RateClass::Auth);
    let by_password = Access::judged("the name and password of the member in the form");
    let by_client = Access::judged("the application's id and secret, and a code or a token");
    Routes::new()
        .add(Access::public(), routes!(metadata))
        .add(open, routes!(register))
        .add(by_password.class(RateClass::Auth), routes!(show, submit))
        .add(by_client.class(RateClass::Auth), routes!(exchange))
        .add(by_client.class(RateClass::Auth), routes!(introspect))
        .add(by_client.class(RateClass::Auth), routes!(revoke))
        .add(Access::first_party(), routes!(consent))
        .add(Access::first_party(), routes!(application))
        .with(auth)
}

fn uncached(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

/// What this server offers to applications (RFC 8414).
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "oauth", responses((status = 200, body = Metadata)))]
async fn metadata(State(ctx): State<Ctx>) -> Json<Metadata> {
    let at = |path: &str| format!("{}{path}", ctx.origin().as_str());
    let methods: Vec<&str> = AuthMethod::ALL.map(AuthMethod::as_str).to_vec();
    Json(Metadata {
        issuer: at(""),
        authorization_endpoint: at("/oauth/authorize"),
        token_endpoint: at("/oauth/token"),
        registration_endpoint: at("/oauth/register"),
        revocation_endpoint: at("/oauth/revoke"),
        introspection_endpoint: at("/oauth/introspect"),
        scopes_supported: Scope::ALL.map(Scope::as_str).to_vec(),
        response_types_supported: ["code"],
        response_modes_supported: ["query"],
        grant_types_supported: registration::GRANTS,
        token_endpoint_auth_methods_supported: methods.clone(),
        revocation_endpoint_auth_methods_supported: methods.clone(),
        introspection_endpoint_auth_methods_supported: methods,
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
    })
}

/// Registers an application (RFC 7591).
#[utoipa::path(post, path = "/oauth/register", tag = "oauth", request_body = Registration, responses((status = 201, body = Registered), (status = 400, body = OauthProblem)))]
async fn register(
    State(ctx): State<Ctx>,
    Json(sent): Json<Registration>,
) -> Result<Response, OauthError> {
    let registered = registration::register(&ctx, sent).await?;
    Ok(uncached((StatusCode::CREATED, Json(registered))))
}

/// Shows the member what an application asks for: a page for browsers.
#[utoipa::path(get, path = "/oauth/authorize", tag = "oauth", params(("client_id" = String, Query, description = "The application"), ("redirect_uri" = String, Query, description = "Where the member goes back to, as registered"), ("response_type" = String, Query, description = "code"), ("scope" = Option<String>, Query, description = "Among read, write and admin"), ("state" = Option<String>, Query, description = "Comes back untouched"), ("code_challenge" = String, Query, description = "RFC 7636"), ("code_challenge_method" = String, Query, description = "S256")), responses((status = 200, description = "A page with a form", content_type = "text/html"), (status = 303, description = "The application is told what is wrong"), (status = 400, description = "A page that says what is wrong", content_type = "text/html")))]
async fn show(State(ctx): State<Ctx>, Query(sent): Query) -> Response {
    let shown = async {
        let sent = sent?;
        let (application, asked) = authorize::read(&ctx, &sent).await?;
        let request = asked.sealed(&ctx)?;
        Ok::<_, Refusal>(page::form(&Shown {
            node: ctx.origin().authority(),
            application: &application,
            redirect_uri: &asked.redirect_uri,
            scopes: scopes_of(&asked),
            request: &request,
            username: "",
            wrong: None,
        }))
    };
    shown.await.unwrap_or_else(refuse)
}

fn scopes_of(asked: &Asked) -> Scopes {
    asked.scopes.parse().unwrap_or_default()
}

fn refuse(refusal: Refusal) -> Response {
    match refusal {
        Refusal::There(url) => page::fault_of(&url),
        Refusal::Here(OauthError::Told(told)) => {
            page::fault(StatusCode::BAD_REQUEST, &told.description)
        }
        Refusal::Here(OauthError::Other(error)) => page::fault(error.status(), error.detail()),
    }
}

/// Takes the answer of the member from the page.
#[utoipa::path(post, path = "/oauth/authorize", tag = "oauth", request_body(content = HashMap<String, String>, content_type = "application/x-www-form-urlencoded", description = "What the page sends"), responses((status = 303, description = "Back to the application"), (status = 400, description = "The page is out of date or was answered before", content_type = "text/html"), (status = 401, description = "The page again: name, password or code is wrong", content_type = "text/html")))]
async fn submit(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    caller: Caller,
    headers: HeaderMap,
    sent: Result<Form, OauthError>,
) -> Response {
    let answered = async {
        let Form(sent) = sent?;
        is_from_page(&ctx, &headers)?;
        answer(&ctx, &auth, caller, &sent).await
    };
    answered.await.unwrap_or_else(refuse)
}

/// # Security
/// Browsers name the origin of every form that is sent by POST. Another site could otherwise have a
/// visitor agree with the account of somebody else.
fn is_from_page(ctx: &Ctx, headers: &HeaderMap) -> Result<(), OauthError> {
    let same = |value: &HeaderValue| value.as_bytes() == ctx.origin().as_str().as_bytes();
    if headers.get_all(ORIGIN).iter().all(same) {
        return Ok(());
    }
    Err(OauthError::invalid_request("This came from another site."))
}

async fn answer(
    ctx: &Ctx,
    auth: &Auth,
    caller: Caller,
    sent: &Parameters,
) -> Result<Response, Refusal> {
    let text = sent.need("request")?;
    let asked = Asked::open(ctx, text)?;
    match sent.need("decision")? {
        "agree" => {}
        "deny" => return Ok(page::leads_to(&asked.denied(ctx))),
        _ => return Err(OauthError::invalid_request("Agree or cancel.").into()),
    }
    let login = Login {
        username: sent.get("username").unwrap_or_default().to_owned(),
        password: Secret::new(sent.get("password").unwrap_or_default().to_owned()),
        otp: sent.get("otp").map(|otp| Secret::new(otp.to_owned())),
    };
    match show_all(ctx, auth, &login, caller).await {
        Ok(user) => {
            let (id, role) = (user.id, user.role);
            let held = move |connection: &mut Connection| effective(connection, id, role);
            let privileges = ctx.db().read(held).await.map_err(OauthError::from)?;
            let url = asked.agreed(ctx, user.id, privileges).await?;
            Ok(page::leads_to(&url))
        }
        Err(error) if error.status().is_client_error() => {
            let id = asked.application.to_string();
            let application = client::find(ctx, &id).await?;
            let application = application.ok_or_else(OauthError::invalid_client)?;
            Ok(page::form(&Shown {
                node: ctx.origin().authority(),
                application: &application,
                redirect_uri: &asked.redirect_uri,
                scopes: scopes_of(&asked),
                request: text,
                username: &login.username,
                wrong: Some((error.status(), error.detail())),
            }))
        }
        Err(error) => Err(OauthError::from(error).into()),
    }
}

/// Answers an application in the name of the member who is signed in, as the page does.
#[utoipa::path(post, path = "/api/v1/oauth/consents", tag = "oauth", request_body = Consent, responses((status = 200, body = Consented)))]
async fn consent(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    Json(sent): Json<Consent>,
) -> Result<Response, ApiError> {
    let query = Parameters::parse(sent.query.as_bytes())?;
    let redirect_to = match authorize::read(&ctx, &query).await {
        Ok((_, asked)) if sent.agree => asked.agreed(&ctx, me.id, me.privileges).await?,
        Ok((_, asked)) => asked.denied(&ctx),
        Err(Refusal::There(url)) => *url,
        Err(Refusal::Here(error)) => return Err(error.into()),
    };
    let redirect_to = redirect_to.to_string();
    Ok(uncached(Json(Consented { redirect_to })))
}

/// Shows an application to a member who is about to agree.
#[utoipa::path(get, path = "/api/v1/oauth/applications/{id}", tag = "oauth", params(("id" = String, Path, description = "The application")), responses((status = 200, body = ApplicationView)))]
async fn application(
    State(ctx): State<Ctx>,
    Path(id): Path<String>,
) -> Result<Json<ApplicationView>, ApiError> {
    let found = client::find(&ctx, &id).await?;
    let application = found.ok_or_else(ApiError::not_found)?;
    Ok(Json(ApplicationView {
        id: application.id,
        name: application.name,
        website: application.website,
        scopes: application.scopes.iter().collect(),
    }))
}

/// Gives tokens for a code or a refresh token.
#[utoipa::path(post, path = "/oauth/token", tag = "oauth", request_body(content = HashMap<String, String>, content_type = "application/x-www-form-urlencoded", description = "The grant (OAuth 2.1 s3.2.2), and who asks"), responses((status = 200, body = Tokens), (status = 400, body = OauthProblem), (status = 401, body = OauthProblem)))]
async fn exchange(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    caller: Caller,
    headers: HeaderMap,
    Form(sent): Form,
) -> Result<Response, OauthError> {
    let tokens = token::exchange(&ctx, &auth, (&headers, caller), &sent).await?;
    Ok(uncached(Json(tokens)))
}

/// Tells an application about a token of its own (RFC 7662).
#[utoipa::path(post, path = "/oauth/introspect", tag = "oauth", request_body(content = HashMap<String, String>, content_type = "application/x-www-form-urlencoded", description = "The token (RFC 7662 s2.1), and who asks"), responses((status = 200, body = Introspected), (status = 400, body = OauthProblem), (status = 401, body = OauthProblem)))]
async fn introspect(
    State(ctx): State<Ctx>,
    headers: HeaderMap,
    Form(sent): Form,
) -> Result<Response, OauthError> {
    let told = token::introspect(&ctx, &headers, &sent).await?;
    Ok(uncached(Json(told)))
}

/// Ends what an application was given (RFC 7009).
#[utoipa::path(post, path = "/oauth/revoke", tag = "oauth", request_body(content = HashMap<String, String>, content_type = "application/x-www-form-urlencoded", description = "The token (RFC 7009 s2.1), and who asks"), responses((status = 200), (status = 400, body = OauthProblem), (status = 401, body = OauthProblem)))]
async fn revoke(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    headers: HeaderMap,
    Form(sent): Form,
) -> Result<Response, OauthError> {
    token::revoke(&ctx, &auth, &headers, &sent).await?;
    Ok(uncached(StatusCode::OK))
}
