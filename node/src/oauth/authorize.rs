//! What an application asks a member for, and the code that it gets (OAuth 2.1 s4.1).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::client;
use super::error::{OauthError, Told};
use super::form::Parameters;
use super::model::{Application, is_challenge};
use super::redirect;
use super::store::{self, Code};
use crate::auth::model::{OpaqueToken, hash_of};
use crate::base::ids::{ApplicationId, UserId};
use crate::base::privilege::Privileges;
use crate::base::role::Role;
use crate::base::scope::{Scope, Scopes};
use crate::platform::audit::{self, By, Entry};
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// How long a member may look at the page.
const PAGE_LIFETIME: Duration = Duration::from_mins(10);
/// How long an application may take to fetch its tokens.
const CODE_LIFETIME: Duration = Duration::from_mins(1);
/// Characters that an application may have echoed to it.
const MAX_STATE: usize = 2000;
/// What the seal of a request on a page is bound to.
const PLACE: &[u8] = b"oauth/authorize";

/// What an application asks for, checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) application: ApplicationId,
    pub(super) redirect_uri: Url,
    pub(super) scopes: String,
    pub(super) state: Option<String>,
    code_challenge: String,
    /// Tells one page from another.
    nonce: String,
    /// Milliseconds since the Unix epoch.
    expires_at: i64,
}

/// Why an application does not get to ask.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Told to whoever looks at the page, since it is not known whom to send them back to.
    Here(OauthError),
    /// Told to the application.
    There(Box<Url>),
}

impl From<OauthError> for Refusal {
    fn from(error: OauthError) -> Self {
        Self::Here(error)
    }
}

/// Reads what an application asks for.
///
/// # Security
/// Until the application and its redirect URI are known to belong together, nobody is sent anywhere.
pub(super) async fn read(ctx: &Ctx, sent: &Parameters) -> Result<(Application, Asked), Refusal> {
    let application = client::find(ctx, sent.need("client_id")?)
        .await?
        .ok_or_else(OauthError::invalid_client)?;
    let asked = sent.need("redirect_uri")?;
    let unknown = || OauthError::invalid_redirect_uri("The application did not register this.");
    let known = redirect::find(&application.redirect_uris, asked);
    let redirect_uri = known.and_then(|_| Url::parse(asked).ok());
    let redirect_uri = redirect_uri.ok_or_else(unknown)?;
    let state = sent.get("state").map(str::to_owned);
    match details(sent, &application) {
        Ok((scopes, code_challenge)) => {
            let nonce = OpaqueToken::generate().map_err(OauthError::from)?;
            let asked = Asked {
                application: application.id,
                redirect_uri,
                scopes: scopes.to_string(),
                state,
                code_challenge,
                nonce: nonce.expose().to_owned(),
                expires_at: ctx.now().plus(PAGE_LIFETIME).as_millis(),
            };
            Ok((application, asked))
        }
        Err(OauthError::Told(told)) => {
            let state = state.filter(|state| state.len() <= MAX_STATE);
            let back = refused(ctx, &redirect_uri, state.as_deref(), &told);
            Err(Refusal::There(Box::new(back)))
        }
        Err(other) => Err(Refusal::Here(other)),
    }
}

/// Scopes and challenge, once the application is known.
fn details(sent: &Parameters, application: &Application) -> Result<(Scopes, String), OauthError> {
    if sent.need("response_type")? != "code" {
        return Err(OauthError::unsupported_response_type());
    }
    if !matches!(sent.get("response_mode"), None | Some("query")) {
        return Err(OauthError::invalid_request("The response mode is query."));
    }
    if sent
        .get("state")
        .is_some_and(|state| state.len() > MAX_STATE)
    {
        return Err(OauthError::invalid_request("The state is too long."));
    }
    // Without a method it would be plain, which anybody who sees the request can answer.
    let challenge = sent.get("code_challenge").filter(|text| is_challenge(text));
    let (Some(challenge), Some("S256")) = (challenge, sent.get("code_challenge_method")) else {
        let detail = "Send a code_challenge of the method S256 (RFC 7636).";
        return Err(OauthError::invalid_request(detail));
    };
    let scopes = match sent.get("scope") {
        None => application.scopes,
        Some(text) => text
            .parse::<Scopes>()
            .map_err(|_unknown| OauthError::invalid_scope())?,
    };
    if scopes.is_empty() || !application.scopes.covers(scopes) {
        return Err(OauthError::invalid_scope());
    }
    Ok((scopes, challenge.to_owned()))
}

impl Asked {
    /// The request as text that only this server can make and read: what a page carries.
    pub(super) fn sealed(&self, ctx: &Ctx) -> Result<String, OauthError> {
        let plain = serde_json::to_vec(self).map_err(ApiError::internal)?;
        let sealed = ctx.keyring().seal(&plain, PLACE);
        Ok(BASE64URL.encode(sealed.map_err(ApiError::internal)?))
    }

    /// Reads what a page carries.
    pub(super) fn open(ctx: &Ctx, text: &str) -> Result<Self, OauthError> {
        let stale = || OauthError::invalid_request("This page is out of date; start again.");
        let bytes = BASE64URL.decode(text).map_err(|_damaged| stale())?;
        let opened = ctx.keyring().open_sealed(&bytes, PLACE);
        let plain = opened.map_err(|_not_ours| stale())?;
        let asked: Self = serde_json::from_slice(&plain).map_err(|_damaged| stale())?;
        if asked.expires_at <= ctx.now().as_millis() {
            return Err(stale());
        }
        Ok(asked)
    }

    /// Where the member goes who says no.
    pub(super) fn denied(&self, ctx: &Ctx) -> Url {
        match OauthError::access_denied() {
            OauthError::Told(told) => {
                refused(ctx, &self.redirect_uri, self.state.as_deref(), &told)
            }
            OauthError::Other(_) => self.redirect_uri.clone(),
        }
    }

    /// Where the member goes who agrees: back to the application, with its code.
    ///
    /// # Errors
    /// The request was answered before, or there is nothing that this member could give.
    pub(super) async fn agreed(
        &self,
        ctx: &Ctx,
        user: UserId,
        privileges: Privileges,
    ) -> Result<Url, OauthError> {
        let asked: Scopes = self.scopes.parse().unwrap_or_default();
        let scopes = within(asked, privileges);
        if scopes.is_empty() {
            return Err(OauthError::invalid_scope());
        }
        let code = OpaqueToken::generate()?;
        let (code_hash, request_hash) = (code.hash(), hash_of(&self.nonce));
        let (application, asked, shared) = (self.application, self.clone(), ctx.clone());
        let effect = move |connection: &mut Connection| {
            let now: Timestamp = shared.now();
            if store::application(connection, application)?.is_none() {
                return Err(OauthError::invalid_client());
            }
            let new = Code {
                application,
                user,
                redirect_uri: asked.redirect_uri.to_string(),
                scopes,
                code_challenge: asked.code_challenge.clone(),
                expires_at: now.plus(CODE_LIFETIME).as_millis(),
                used_at: None,
                session: None,
            };
            let entry = Entry::new(By::User(user), "application.allow")
                .on("application", &application)
                .change(None, Some(json!({"scopes": scopes.to_string()})));
            let hashes = (code_hash.as_slice(), request_hash.as_slice());
            let is_new = store::insert_code(connection, hashes, &new, now)?;
            if is_new {
                audit::record(connection, &entry, now)?;
            }
            Ok(is_new)
        };
        if !ctx.db().write(effect).await? {
            let detail = "This page was answered before; start again.";
            return Err(OauthError::invalid_request(detail));
        }
        let answer = [("code", code.expose())];
        Ok(back(
            ctx,
            &self.redirect_uri,
            self.state.as_deref(),
            &answer,
        ))
    }
}

/// What of the scopes asked for a member can give: `admin` takes privileges beyond a member's.
fn within(asked: Scopes, privileges: Privileges) -> Scopes {
    let ordinary = Privileges::of_role(Role::User).covers(privileges);
    let given = |scope: &Scope| *scope != Scope::Admin || !ordinary;
    asked.iter().filter(given).collect()
}

fn refused(ctx: &Ctx, redirect_uri: &Url, state: Option<&str>, told: &Told) -> Url {
    let answer = [
        ("error", told.error),
        ("error_description", told.description.as_ref()),
    ];
    back(ctx, redirect_uri, state, &answer)
}

/// The redirect URI with the answer, the state, and who answers (RFC 9207).
fn back(ctx: &Ctx, redirect_uri: &Url, state: Option<&str>, answer: &[(&str, &str)]) -> Url {
    let mut all = answer.to_vec();
    all.extend(state.map(|state| ("state", state)));
    all.push(("iss", ctx.origin().as_str()));
    redirect::with_answer(redirect_uri, &all)
}
