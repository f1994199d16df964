//! The ports to people of other nodes and to the keys of one's own, which the federation edge fills.

use std::fmt;
use std::sync::Arc;

use federation_core::keys::ActorKeys;
use federation_core::vocab::Actor;
use futures_util::future::BoxFuture;
use url::Url;

use crate::platform::http::error::ApiError;

/// Looks up actors of other nodes, from what is stored where that is fresh enough.
pub trait People: fmt::Debug + Send + Sync + 'static {
    /// The actor of a handle `@name@domain`; the leading `@` may be absent.
    ///
    /// # Errors
    /// 422 when there is no such person or their node cannot be reached, with the reason.
    fn by_handle<'a>(&'a self, handle: &'a str) -> BoxFuture<'a, Result<Arc<Actor>, ApiError>>;

    /// The actor of this id.
    ///
    /// # Errors
    /// 422 when there is no such actor or its node cannot be reached, with the reason.
    fn by_actor<'a>(&'a self, id: &'a Url) -> BoxFuture<'a, Result<Arc<Actor>, ApiError>>;
}

/// The port to the signing keys of this node's actors, which the federation edge fills.
pub trait Signers: fmt::Debug + Send + Sync + 'static {
    /// The keys of an actor of this node.
    ///
    /// # Errors
    /// 500 when they cannot be read or made.
    fn keys_of<'a>(&'a self, actor: &'a Url) -> BoxFuture<'a, Result<ActorKeys, ApiError>>;
}
