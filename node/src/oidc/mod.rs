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
#[cfg(test)]
mod tests;
mod verify;
mod wire;
pub mod workers;

use std::fmt;
use std::sync::Arc;

use federation_core::fetch::client::{ClientConfig, ClientError};
use federation_core::fetch::{GuardPolicy, GuardedClient};

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
    provider: Arc<Provider>,
}

impl Oidc {
    /// Knows the issuer of the settings; nothing is fetched until somebody comes.
    ///
    /// # Errors
    /// The client that asks the issuer cannot be set up.
    ///
    /// # Security
    /// The issuer has a way out of its own (I5): where it may live opens nothing to other nodes, and
    /// where they may live opens nothing to what it names.
    pub fn new(ctx: &Ctx) -> Result<Self, ClientError> {
        let settings = &ctx.config().oidc;
        let Some(issuer) = settings.issuer.clone() else {
            return Ok(Self(None));
        };
        let ranges = settings.allowed_private_ranges.clone();
        let policy = GuardPolicy::with_private_ranges(ranges, settings.allow_http);
        let mut client = ClientConfig::new(ctx.origin().user_agent(), policy);
        let authorities = &ctx.config().federation.extra_ca_file;
        client.extra_ca_file.clone_from(authorities);
        let transport = Arc::new(GuardedClient::new(client)?);
        let (clock, tasks) = (Arc::clone(ctx.clock()), ctx.tasks().clone());
        Ok(Self(Some(Arc::new(Parts {
            ctx: ctx.clone(),
            provider: Provider::new(issuer, transport, clock, tasks),
        }))))
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
