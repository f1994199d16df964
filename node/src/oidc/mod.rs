//! Signing in by an issuer that the operator trusts (OpenID Connect Core 1.0), and its access
//! tokens as they are.
//!
//! Who comes is known by issuer and subject alone: a name or an e-mail address links nobody to an
//! account. A member links their account while signed in.

mod bearer;
mod error;
mod exchange;
mod flow;
mod keys;
mod links;
mod people;
mod provider;
mod routes;
mod store;
mod verify;
mod wire;
pub mod workers;

use std::fmt;
use std::sync::Arc;

use federation_core::fetch::Transport;

pub use self::routes::router;
use crate::config::OidcConfig;
use crate::oidc::error::OidcError;
use crate::oidc::provider::Provider;
use crate::platform::ctx::Ctx;

/// The issuer that the operator trusts, if any; cheap to clone.
#[derive(Clone)]
pub struct Oidc(Option<Arc<Parts>>);

struct Parts {
    ctx: Ctx,
    provider: Provider,
}

impl Oidc {
    /// Knows the issuer of the settings; nothing is fetched until somebody comes.
    pub fn new(ctx: &Ctx, transport: &Arc<dyn Transport>) -> Self {
        let issuer = ctx.config().oidc.issuer.clone();
        Self(issuer.map(|issuer| {
            let provider = Provider::new(issuer, Arc::clone(transport), Arc::clone(ctx.clock()));
            Arc::new(Parts {
                ctx: ctx.clone(),
                provider,
            })
        }))
    }

    fn parts(&self) -> Result<&Parts, OidcError> {
        self.0.as_deref().ok_or(OidcError::Disabled)
    }
}

impl Parts {
    fn settings(&self) -> &OidcConfig {
        &self.ctx.config().oidc
    }
}

impl fmt::Debug for Oidc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Oidc")
            .field("is_set", &self.0.is_some())
            .finish_non_exhaustive()
    }
}
