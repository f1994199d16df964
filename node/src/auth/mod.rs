//! Signing up, signing in, staying signed in, and ending it at once.
//!
//! An access token is a JWT of some minutes bound to this origin and to one session; a refresh
//! token is 256 random bits, stored as SHA-256 and replaced at every use. A refresh token that
//! comes a second time ends its session, since somebody else holds a copy
//! (`docs/decisions/0010-refresh-tokens.md`).

pub mod actions;
mod attempts;
pub mod caller;
pub mod clients;
pub mod credentials;
pub mod endings;
pub mod error;
pub mod factor;
pub mod foreign;
pub mod gate;
pub mod granting;
pub mod invites;
pub mod joining;
pub mod leaving;
pub mod model;
pub mod opening;
pub mod operations;
mod passkeys;
pub mod password;
pub mod personal;
pub mod proof;
mod recovery;
pub mod reset;
pub mod rotation;
mod routes;
pub mod sessions;
pub mod showing;
pub mod store;
pub mod token;
pub mod totp;
mod uses;
pub mod visitors;
pub mod wire;
pub mod workers;

use std::sync::Arc;

use federation_core::Clock;
use federation_core::store::sql::Database;
use webauthn_rs::Webauthn;

pub use self::routes::router;
use crate::auth::error::AuthError;
use crate::auth::gate::Gate;
use crate::auth::password::Passwords;
use crate::auth::token::Tokens;
use crate::config::{Config, Origin};
use crate::platform::cluster::Cluster;
use crate::platform::sealing::Keyring;

/// What signing in needs beside the [`Ctx`](crate::platform::ctx::Ctx); cheap to clone.
#[derive(Clone, Debug)]
pub struct Auth {
    /// Hashes and checks passwords.
    pub passwords: Arc<Passwords>,
    /// Signs and checks access tokens.
    pub tokens: Arc<Tokens>,
    /// Knows which sessions live.
    pub gate: Arc<Gate>,
    /// The party that passkeys are made for; none where browsers make none.
    pub passkeys: Option<Arc<Webauthn>>,
}

impl Auth {
    /// Loads the keys of access tokens, making the first one when there is none.
    ///
    /// # Errors
    /// The database failed, or a key does not open under the key ring.
    pub async fn start(
        config: &Config,
        origin: &Origin,
        db: &Database,
        clock: &Arc<dyn Clock>,
        keyring: &Arc<Keyring>,
        cluster: &Cluster,
    ) -> Result<Self, AuthError> {
        let lifetime = config.auth.access_lifetime();
        let tokens = Tokens::load(origin, lifetime, db, clock.now(), keyring).await?;
        let tokens = Arc::new(tokens);
        let gate = Gate::new(
            db.clone(),
            Arc::clone(clock),
            Arc::clone(&tokens),
            cluster.clone(),
        );
        Ok(Self {
            passwords: Arc::new(Passwords::new(config.limits.password_hashes_at_once)),
            tokens,
            gate: Arc::new(gate),
            passkeys: passkeys::relying_party(origin).map(Arc::new),
        })
    }
}
