//! The token endpoint, asking about tokens (RFC 7662) and ending them (RFC 7009).

use federation_core::store::sql::Connection;
use http::HeaderMap;
use serde_json::json;

use super::client;
use super::error::OauthError;
use super::form::Parameters;
use super::model::{Application, proves};
use super::redirect;
use super::store::{self, Code};
use super::wire::{Introspected, Tokens};
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::auth::error::AuthError;
use crate::auth::granting::{self, Granted};
use crate::auth::model::{OpaqueToken, hash_of};
use crate::base::ids::{SessionId, UserId};
use crate::base::scope::Scopes;
use crate::platform::audit::{self, By, Entry};
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::Client;

/// Gives tokens for a code or a refresh token.
///
/// # Errors
/// What OAuth says, see [`OauthError`].
pub(super) async fn exchange(
    ctx: &Ctx,
    auth: &Auth,
    (headers, caller): (&HeaderMap, Caller),
    sent: &Parameters,
) -> Result<Tokens, OauthError> {
    let application = client::authenticate(ctx, headers, sent).await?;
    let granted = match sent.need("grant_type")? {
        "authorization_code" => by_code(ctx, auth, &application, sent).await?,
        "refresh_token" => by_refresh(ctx, auth, &application, (sent, caller)).await?,
        _ => return Err(OauthError::unsupported_grant_type()),
    };
    Ok(Tokens {
        access_token: granted.access_token,
        token_type: "Bearer",
        expires_in: granted.expires_in,
        refresh_token: granted.refresh_token,
        scope: granted.scopes.to_string(),
    })
}

/// What came of a code.
enum Redeemed {
    Tokens(Box<Granted>, Vec<SessionId>),
    /// It had been used before: what it gave is over.
    Reused(UserId, Option<SessionId>),
}

async fn by_code(
    ctx: &Ctx,
    auth: &Auth,
    application: &Application,
    sent: &Parameters,
) -> Result<Granted, OauthError> {
    let hash = hash_of(sent.need("code")?);
    let verifier = sent.need("code_verifier")?.to_owned();
    // OAuth 2.1 no longer has it here; what OAuth 2.0 clients send is held to be right.
    let redirect_uri = sent.get("redirect_uri").map(str::to_owned);
    let refresh = OpaqueToken::generate()?;
    let (shared, auth_too, application) = (ctx.clone(), auth.clone(), application.clone());
    let effect = move |connection: &mut Connection| {
        let now = shared.now();
        let bad = || OauthError::invalid_grant("The code is unknown, expired or was used.");
        let code = store::code(connection, &hash)?.ok_or_else(bad)?;
        if code.application != application.id {
            return Err(bad());
        }
        if code.used_at.is_some() {
            let entry = Entry::new(By::System, "application.code_reused")
                .on("application", &application.id)
                .change(None, Some(json!({"user": code.user})));
            audit::record(connection, &entry, now)?;
            return Ok(Redeemed::Reused(code.user, code.session));
        }
        if code.expires_at <= now.as_millis()
            || !is_right(&code, &verifier, redirect_uri.as_deref())
        {
            return Err(bad());
        }
        if !store::use_code(connection, &hash, now)? {
            let session = store::code(connection, &hash)?.and_then(|code| code.session);
            return Ok(Redeemed::Reused(code.user, session));
        }
        let grant = granting::Grant {
            user: code.user,
            application: application.id,
            name: &application.name,
            scopes: code.scopes,
        };
        let (session, granted, ended) =
            granting::open(connection, &shared, &auth_too, &grant, &refresh).map_err(|error| {
                match error {
                    AuthError::Suspended => bad(),
                    other => other.into(),
                }
            })?;
        store::set_session(connection, &hash, session)?;
        Ok(Redeemed::Tokens(Box::new(granted), ended))
    };
    match ctx.db().write(effect).await? {
        Redeemed::Tokens(granted, ended) => {
            auth.gate.revoked(&ended);
            Ok(*granted)
        }
        Redeemed::Reused(user, session) => {
            granting::end(ctx, auth, user, session.as_slice()).await?;
            tracing::warn!(%user, "a used authorization code came again; its session was ended");
            Err(OauthError::invalid_grant(
                "The code is unknown, expired or was used.",
            ))
        }
    }
}

fn is_right(code: &Code, verifier: &str, redirect_uri: Option<&str>) -> bool {
    let is_it = |it: &str| redirect::check(it).is_some_and(|url| url.as_str() == code.redirect_uri);
    proves(verifier, &code.code_challenge) && redirect_uri.is_none_or(is_it)
}

async fn by_refresh(
    ctx: &Ctx,
    auth: &Auth,
    application: &Application,
    (sent, caller): (&Parameters, Caller),
) -> Result<Granted, OauthError> {
    let token = sent.need("refresh_token")?;
    let narrowed = match sent.get("scope") {
        None => None,
        Some(text) => {
            let scopes: Scopes = text
                .parse()
                .map_err(|_unknown| OauthError::invalid_scope())?;
            Some(scopes)
        }
    };
    match granting::refresh(ctx, auth, token, (application.id, narrowed), caller).await {
        Ok(granted) => Ok(granted),
        Err(
            AuthError::InvalidRefreshToken
            | AuthError::RefreshReused
            | AuthError::RefreshRaced
            | AuthError::SessionEnded,
        ) => Err(OauthError::invalid_grant(
            "The refresh token is unknown, expired, used or revoked.",
        )),
        Err(AuthError::ScopeTooWide) => Err(OauthError::invalid_scope()),
        Err(other) => Err(other.into()),
    }
}

/// A token of an application, whichever kind it is.
enum Found {
    /// An access token that is good.
    Access {
        user: UserId,
        session: SessionId,
        scopes: Scopes,
        expires_at: i64,
    },
    /// A refresh token; `active` when it would give tokens.
    Refresh {
        user: UserId,
        session: SessionId,
        scopes: Scopes,
        active: bool,
    },
    /// A token that is not of this application.
    Foreign,
    /// Nothing known.
    Nothing,
}

async fn find(ctx: &Ctx, application: &Application, token: &str) -> Result<Found, OauthError> {
    let ours = |client: Client| client == Client::Application(application.id);
    match ctx.authenticator().authenticate(token).await {
        Ok(me) if ours(me.client) => {
            return Ok(Found::Access {
                user: me.id,
                session: me.session,
                scopes: me.scopes,
                expires_at: me.expires_at.as_seconds(),
            });
        }
        Ok(_) => return Ok(Found::Foreign),
        Err(error) if error.status().is_server_error() => return Err(error.into()),
        Err(_not_an_access_token) => {}
    }
    let Some(stored) = granting::find_refresh(ctx, token).await? else {
        return Ok(Found::Nothing);
    };
    if stored.application != Some(application.id) {
        return Ok(Found::Foreign);
    }
    Ok(Found::Refresh {
        user: stored.user,
        session: stored.session,
        scopes: stored.scopes,
        active: stored.is_good,
    })
}

/// Tells an application about a token of its own.
///
/// # Errors
/// It did not show who it is.
///
/// # Security
/// A token of somebody else looks like one that never was (RFC 7662 s4).
pub(super) async fn introspect(
    ctx: &Ctx,
    headers: &HeaderMap,
    sent: &Parameters,
) -> Result<Introspected, OauthError> {
    let application = client::authenticate(ctx, headers, sent).await?;
    let found = find(ctx, &application, sent.need("token")?).await?;
    let (user, scopes, expires_at, token_type) = match found {
        Found::Access {
            user,
            scopes,
            expires_at,
            ..
        } => (user, scopes, Some(expires_at), Some("Bearer")),
        Found::Refresh {
            user,
            scopes,
            active: true,
            ..
        } => (user, scopes, None, None),
        Found::Refresh { .. } | Found::Foreign | Found::Nothing => {
            return Ok(Introspected::default());
        }
    };
    Ok(Introspected {
        active: true,
        scope: Some(scopes.to_string()),
        client_id: Some(application.id.to_string()),
        token_type,
        exp: expires_at,
        sub: Some(user.to_string()),
        iss: Some(ctx.origin().as_str().to_owned()),
    })
}

/// Ends what an application was given, by one of its tokens; an unknown token is no fault.
///
/// # Errors
/// The application did not show who it is, or the token is another one's.
pub(super) async fn revoke(
    ctx: &Ctx,
    auth: &Auth,
    headers: &HeaderMap,
    sent: &Parameters,
) -> Result<(), OauthError> {
    let application = client::authenticate(ctx, headers, sent).await?;
    match find(ctx, &application, sent.need("token")?).await? {
        Found::Access { user, session, .. } | Found::Refresh { user, session, .. } => {
            Ok(granting::end(ctx, auth, user, &[session]).await?)
        }
        Found::Foreign => Err(OauthError::unauthorized_client()),
        Found::Nothing => Ok(()),
    }
}
