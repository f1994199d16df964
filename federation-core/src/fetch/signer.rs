//! Signing of GETs, for servers that show documents only to those who say who they are.

use std::fmt;

use http::{HeaderMap, Method};
use url::Url;

use crate::clock::Timestamp;
use crate::signature::{Scheme, SignError, SigningKey, sign_request};

/// Signs requests without a body in the name of this server.
pub trait RequestSigner: fmt::Debug + Send + Sync + 'static {
    /// The headers to add to the request.
    ///
    /// # Errors
    /// What the signing key reports.
    fn sign(&self, method: &Method, url: &Url, now: Timestamp) -> Result<HeaderMap, SignError>;
}

impl RequestSigner for SigningKey {
    /// By draft-cavage-12, which every server understands.
    fn sign(&self, method: &Method, url: &Url, now: Timestamp) -> Result<HeaderMap, SignError> {
        sign_request(Scheme::Cavage, self, method, url, None, now)
    }
}
