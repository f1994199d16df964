//! A member takes along all that the node holds about them, as one archive.
//!
//! The archive is a tar in the layout of FEP-6fcd. It is read page by page while it is sent, so
//! that neither a large account nor a slow reader costs memory. It ends well or not at all: whatever
//! goes wrong on the way cuts the connection, and the last entry is the list of all others.

mod actions;
mod acts;
mod archive;
mod communities;
mod conversations;
mod error;
mod manifest;
mod marks;
mod model;
mod part;
mod personal;
mod routes;
mod store;
mod table;
mod wire;
mod writer;

use std::fmt;

use futures_util::future::BoxFuture;
use serde_json::Value;

pub use self::routes::router;
use crate::accounts::model::User;
use crate::config::Origin;
use crate::platform::http::error::ApiError;

/// The port to the documents of this node's members, which the federation edge fills.
pub trait Documents: fmt::Debug + Send + Sync + 'static {
    /// The actor of a member as other nodes are shown it.
    ///
    /// # Errors
    /// 500 when its keys cannot be read or made.
    fn document_of<'a>(
        &'a self,
        user: &'a User,
        origin: &'a Origin,
    ) -> BoxFuture<'a, Result<Value, ApiError>>;
}
