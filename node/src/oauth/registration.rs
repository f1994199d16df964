//! Registering an application (RFC 7591): open to anybody, since members decide whom they let in.

use federation_core::store::sql::Connection;

use super::error::OauthError;
use super::model::{Application, AuthMethod};
use super::wire::{Registered, Registration};
use super::{redirect, store};
use crate::auth::model::OpaqueToken;
use crate::base::ids::ApplicationId;
use crate::base::scope::Scopes;
use crate::platform::ctx::Ctx;

/// What an application may do that did not say.
const USUAL_SCOPES: &str = "read write";
/// What applications may ask the token endpoint for.
pub(super) const GRANTS: [&str; 2] = ["authorization_code", "refresh_token"];
/// Characters in a name at most.
const MAX_NAME: usize = 80;
/// Redirect URIs of one application at most.
const MAX_URIS: usize = 10;

/// Registers an application.
///
/// # Errors
/// A value is refused.
pub(super) async fn register(ctx: &Ctx, sent: Registration) -> Result<Registered, OauthError> {
    let method = check(&sent)?;
    let scope = sent.scope.as_deref().unwrap_or(USUAL_SCOPES);
    let scopes: Scopes = scope
        .parse()
        .map_err(|_unknown| OauthError::invalid_scope())?;
    if scopes.is_empty() {
        return Err(OauthError::invalid_scope());
    }
    let secret = match method {
        AuthMethod::None => None,
        AuthMethod::Basic | AuthMethod::Post => Some(OpaqueToken::generate()?),
    };
    let now = ctx.now();
    let application = Application {
        id: ApplicationId::new(now),
        name: sent.client_name.trim().to_owned(),
        redirect_uris: sent.redirect_uris,
        scopes,
        secret_hash: secret.as_ref().map(OpaqueToken::hash),
        auth_method: method,
        website: sent.client_uri,
    };
    let new = application.clone();
    let insert = move |connection: &mut Connection| {
        Ok::<_, OauthError>(store::insert_application(connection, &new, now)?)
    };
    ctx.db().write(insert).await?;
    Ok(Registered {
        client_id: application.id.to_string(),
        client_secret_expires_at: secret.as_ref().map(|_| 0),
        client_secret: secret.map(|secret| secret.expose().to_owned()),
        client_id_issued_at: now.as_seconds(),
        client_name: application.name,
        redirect_uris: application.redirect_uris,
        scope: application.scopes.to_string(),
        token_endpoint_auth_method: method.as_str(),
        grant_types: GRANTS,
        response_types: ["code"],
        client_uri: application.website,
    })
}

fn check(sent: &Registration) -> Result<AuthMethod, OauthError> {
    let refuse = |detail: &'static str| Err(OauthError::invalid_client_metadata(detail));
    let name = sent.client_name.trim();
    if !(1..=MAX_NAME).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return refuse("client_name has 1 to 80 characters.");
    }
    if !(1..=MAX_URIS).contains(&sent.redirect_uris.len()) {
        return Err(OauthError::invalid_redirect_uri(
            "Name 1 to 10 redirect URIs.",
        ));
    }
    if !sent
        .redirect_uris
        .iter()
        .all(|uri| redirect::check(uri).is_some())
    {
        return Err(OauthError::invalid_redirect_uri(redirect::RULES));
    }
    let is_page = |uri: &String| uri.starts_with("https://") && redirect::check(uri).is_some();
    if !sent.client_uri.iter().all(is_page) {
        return refuse("client_uri is an https URL.");
    }
    let grants = sent.grant_types.iter().flatten();
    if !grants
        .into_iter()
        .all(|grant| GRANTS.contains(&grant.as_str()))
    {
        return refuse("grant_types are among authorization_code and refresh_token.");
    }
    let responses = sent.response_types.iter().flatten();
    if !responses.into_iter().all(|response| response == "code") {
        return refuse("response_types is code.");
    }
    let method = sent.token_endpoint_auth_method.as_deref().unwrap_or("none");
    match AuthMethod::named(method) {
        Some(method) => Ok(method),
        None => {
            refuse("token_endpoint_auth_method is none, client_secret_basic or client_secret_post.")
        }
    }
}
