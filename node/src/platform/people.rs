//! The port to people of other nodes, which the federation edge fills.

use std::fmt;
use std::sync::Arc;

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
