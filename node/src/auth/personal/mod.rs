//! Personal access tokens: what members make for their bots, with scopes and an end.
//!
//! A token is `fmpat_` and 256 random bits, shown once and kept as SHA-256. Behind it is a session,
//! so that it ends everywhere at once like any other.

mod actions;
mod check;
mod routes;
mod store;
mod wire;

use std::fmt;

use openssl::error::ErrorStack;

pub(super) use self::check::Known;
pub use self::routes::router;
use crate::auth::model::{OpaqueToken, hash_of};

/// How every token starts, so that people and scanners of leaked secrets know it.
const PREFIX: &str = "fmpat_";

/// A personal access token as its holder has it.
pub(super) struct PersonalToken(String);

impl PersonalToken {
    /// A new one.
    fn generate() -> Result<Self, ErrorStack> {
        Ok(Self(format!(
            "{PREFIX}{}",
            OpaqueToken::generate()?.expose()
        )))
    }

    /// The text that goes to the holder, once.
    fn expose(&self) -> &str {
        &self.0
    }

    /// What the database keeps.
    fn hash(&self) -> Vec<u8> {
        hash_of(&self.0)
    }
}

impl fmt::Debug for PersonalToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}
