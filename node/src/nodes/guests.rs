//! Members of other nodes who visit this one, by sessions that it granted to their nodes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use federation_core::handshake::{self, HandshakeError, NodeSession, Sessions};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use moka::sync::Cache;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::accounts;
use crate::accounts::model::User;
use crate::accounts::resolve;
use crate::auth::error::AuthError;
use crate::auth::visitors::Visitors;
use crate::base::ids::SessionId;
use crate::base::privilege::Privileges;
use crate::base::role::Role;
use crate::base::scope::{Scope, Scopes};
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::{Client, CurrentUser, SessionEnd, Watch};
use crate::platform::http::error::ApiError;
use crate::platform::people::People;

/// How long it is remembered which session somebody was let in by: from one check of a token to the
/// next, for what is about to stay open.
const REMEMBERED_FOR: Duration = Duration::from_mins(1);
/// Sessions that are remembered; what is not known any more stays open for nobody.
const REMEMBERED: u64 = 50_000;
/// When to come back while a person cannot be looked up.
const WAIT: Duration = Duration::from_secs(5);

/// Lets members of other nodes in.
pub struct Guests {
    ctx: Ctx,
    sessions: Sessions,
    people: Arc<dyn People>,
    seen: Cache<SessionId, NodeSession>,
}

impl Guests {
    /// Lets in those whose nodes hold one of `sessions` for them; `people` finds who they are.
    pub fn new(ctx: &Ctx, sessions: &Sessions, people: &Arc<dyn People>) -> Self {
        let seen = Cache::builder()
            .max_capacity(REMEMBERED)
            .time_to_live(REMEMBERED_FOR)
            .build();
        Self {
            ctx: ctx.clone(),
            sessions: sessions.clone(),
            people: Arc::clone(people),
            seen,
        }
    }

    /// # Security
    /// The session and the person are read from their rows at every use, so that whatever ends or
    /// suspends them holds for the next request. They hold no privilege, whatever their row says.
    /// The person is the subject itself, not whom its address leads on to.
    async fn admit(&self, token: &str) -> Result<CurrentUser, ApiError> {
        let reading = handshake::Scope::ChatRead;
        let found = self.sessions.authorise(token, reading, self.ctx.now());
        let session = found.await.map_err(refused)?;
        let subject = session.subject.as_ref();
        // A session that a node has for itself is nobody's.
        let subject = subject.filter(|_| session.audience == self.ctx.origin().as_str());
        let subject = subject.ok_or(AuthError::InvalidToken)?;
        let user = self.person(subject).await?;
        if user.is_local() || user.deleted_at.is_some() {
            return Err(AuthError::InvalidToken.into());
        }
        if user.suspended_at.is_some() {
            return Err(AuthError::Suspended.into());
        }
        let id = session.id.to_string().parse::<SessionId>();
        let id = id.map_err(ApiError::internal)?;
        let visitor = CurrentUser {
            id: user.id,
            session: id,
            role: Role::User,
            privileges: Privileges::NONE,
            scopes: scopes(session.scopes),
            client: Client::Visit,
            expires_at: session.expires_at,
        };
        self.seen.insert(id, session);
        Ok(visitor)
    }

    /// The person of an actor; who was never here before is looked up.
    async fn person(&self, subject: &Url) -> Result<User, ApiError> {
        let actor = subject.to_string();
        let read = move |connection: &mut _| accounts::store::by_actor(connection, &actor);
        if let Some(known) = self.ctx.db().read(read).await? {
            return Ok(known);
        }
        let found = resolve::resolve(&self.ctx, self.people.as_ref(), subject.as_str()).await;
        let found = found.map_err(|error| {
            let detail = "Who visits cannot be looked up now; try again.";
            ApiError::unavailable(detail, WAIT).caused_by(error)
        })?;
        // An address may lead on to another actor, for whom the node of this one does not speak.
        if found.user.actor_uri != subject.as_str() {
            return Err(AuthError::InvalidToken.into());
        }
        Ok(found.user)
    }
}

impl Visitors for Guests {
    fn visitor<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<CurrentUser, ApiError>> {
        self.admit(token).boxed()
    }

    fn ended(&self, session: SessionId) -> Option<SessionEnd> {
        let session = self.seen.get(&session)?;
        let mut watch = self.sessions.watch(&session);
        let (signal, held) = (CancellationToken::new(), CancellationToken::new());
        let (told, dropped) = (signal.clone(), held.clone());
        self.ctx.tasks().spawn(async move {
            let ending = async {
                watch.ended().await;
                told.cancel();
            };
            dropped.run_until_cancelled(ending).await;
        });
        let held = Held {
            _guard: held.drop_guard(),
        };
        Some(SessionEnd::new(signal, Some(Box::new(held))))
    }
}

/// One connection that hangs on a session.
#[derive(Debug)]
struct Held {
    _guard: DropGuard,
}

impl Watch for Held {}

/// What a session lets a visitor do here.
fn scopes(granted: handshake::Scopes) -> Scopes {
    let pairs = [
        (handshake::Scope::ChatRead, Scope::Read),
        (handshake::Scope::ChatWrite, Scope::Write),
    ];
    let held = pairs.into_iter().filter(|(one, _)| granted.contains(*one));
    held.map(|(_, scope)| scope).collect()
}

fn refused(error: HandshakeError) -> ApiError {
    match error {
        HandshakeError::InvalidToken => AuthError::InvalidToken.into(),
        HandshakeError::InsufficientScope { .. } => {
            let detail = "This takes a session with the scope chat:read.";
            ApiError::forbidden("insufficient_scope", detail)
        }
        HandshakeError::Blocked { .. } => {
            let detail = "This node has nothing to do with the node of the visitor.";
            ApiError::forbidden("domain_blocked", detail)
        }
        HandshakeError::Store(fault) if fault.is_retryable() => {
            let detail = "The database is busy; try again.";
            ApiError::unavailable(detail, Duration::from_secs(1)).caused_by(fault)
        }
        other => ApiError::internal(other),
    }
}

impl fmt::Debug for Guests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Guests")
            .field("sessions", &self.sessions)
            .field("remembered", &self.seen.entry_count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_session_of_a_node_reaches_privileges() {
        let all = scopes(handshake::Scopes::ALL);
        assert!(all.contains(Scope::Read) && all.contains(Scope::Write));
        assert!(!all.contains(Scope::Admin));
        assert!(scopes(handshake::Scope::Stream.into()).is_empty());
    }
}
