//! Access tokens of the issuer as they are, on every route and socket.

use std::sync::Arc;

use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::error::OidcError;
use super::people::Person;
use super::verify::{Verified, verify};
use super::{Oidc, Parts, store};
use crate::auth::clients::{self, NewClient, SessionKind};
use crate::auth::error::AuthError;
use crate::auth::foreign::ForeignTokens;
use crate::base::ids::{ExternalIdentityId, SessionId};
use crate::platform::http::error::ApiError;

/// Characters of the name of a client at most.
const MAX_CLIENT: usize = 200;

impl Oidc {
    /// The issuer as the gate asks it, when its access tokens are taken.
    pub fn bearer(&self) -> Option<Arc<dyn ForeignTokens>> {
        let takes = self.0.as_ref()?.settings().accept_bearer;
        takes.then(|| {
            let asked: Arc<dyn ForeignTokens> = Arc::new(self.clone());
            asked
        })
    }
}

impl ForeignTokens for Oidc {
    fn session<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<(SessionId, Timestamp), ApiError>> {
        async move { Ok(admit(self.parts()?, token).await?) }.boxed()
    }
}

async fn admit(parts: &Parts, token: &str) -> Result<(SessionId, Timestamp), OidcError> {
    let token = verify(&parts.provider, token, parts.ctx.now()).await?;
    let settings = parts.settings();
    let mut audiences = vec![settings.client_id.as_str(), parts.ctx.origin().as_str()];
    audiences.extend(settings.bearer_audiences.iter().map(String::as_str));
    token.as_access_token(&audiences)?;
    let client = client(&token, &settings.claims.client_type);
    let person = Person::new(&parts.provider.issuer, &token, &settings.claims);
    let standing = Standing {
        issued_at: token.issued_at,
        person,
        client,
    };
    let session = match standing.find(parts).await? {
        Some(session) => session,
        None => standing.open(parts).await?,
    };
    Ok((session, token.expires_at))
}

/// What kind of client a token was made for.
fn client(token: &Verified, claim: &str) -> String {
    let named = token.text(claim).or_else(|| token.text("client_id"));
    named.unwrap_or_default().chars().take(MAX_CLIENT).collect()
}

/// The session that stands for the tokens of one person and client.
#[derive(Clone, Debug)]
struct Standing {
    issued_at: Timestamp,
    person: Person,
    client: String,
}

impl Standing {
    /// The session, when there is one that did not end.
    async fn find(&self, parts: &Parts) -> Result<Option<SessionId>, OidcError> {
        let (sought, now) = (self.clone(), parts.ctx.now());
        let issuer = parts.provider.issuer.clone();
        let find = move |connection: &mut Connection| {
            let subject = &sought.person.subject;
            match store::by_subject(connection, &issuer, subject)? {
                Some(identity) => sought.look(connection, identity.id, now),
                None => Ok(None),
            }
        };
        parts.ctx.db().read(find).await
    }

    /// # Security
    /// A token that was made before its session was ended, or all sessions of its member were, stays
    /// out for good (I9); whoever signs in at the issuer again gets a new one.
    fn look(
        &self,
        connection: &mut Connection,
        identity: ExternalIdentityId,
        now: Timestamp,
    ) -> Result<Option<SessionId>, OidcError> {
        let issued_at = self.issued_at.as_millis();
        if issued_at <= store::not_before(connection, identity)? {
            return Err(OidcError::SessionEnded);
        }
        match store::standing(connection, identity, &self.client)? {
            Some((_, _, Some(ended))) if issued_at <= ended => Err(OidcError::SessionEnded),
            Some((session, expires, None)) if expires > now.as_millis() => Ok(Some(session)),
            _ => Ok(None),
        }
    }

    /// Opens the session.
    ///
    /// # Security
    /// Nobody gets an account by a token: that takes a sign-in, which asks for more.
    async fn open(self, parts: &Parts) -> Result<SessionId, OidcError> {
        let ctx = parts.ctx.clone();
        let effect = move |connection: &mut Connection| {
            let now = ctx.now();
            let known = self.person.find(connection)?;
            let (identity, user) = known.ok_or(OidcError::Unknown)?;
            if user.deleted_at.is_some() {
                return Err(OidcError::SessionEnded);
            }
            if user.suspended_at.is_some() {
                return Err(AuthError::Suspended.into());
            }
            // Requests that come at once wait for each other here, and find what the first opened.
            store::touch(connection, identity, now)?;
            if let Some(session) = self.look(connection, identity, now)? {
                return Ok(session);
            }
            let new = NewClient {
                user: user.id,
                kind: SessionKind::External,
                scopes: ctx.config().oidc.granted(),
                label: &self.client,
                expires_at: now.plus(ctx.config().auth.session_lifetime()),
            };
            let session = clients::insert(connection, &new, now)?;
            store::set_standing(connection, identity, &self.client, session)?;
            Ok(session)
        };
        parts.ctx.db().write(effect).await
    }
}
