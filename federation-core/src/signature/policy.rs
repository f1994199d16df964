//! What a server demands of a signature before it looks at the key.

use std::time::Duration;

/// The rules a request's signature is held against.
///
/// The defaults follow what the large servers send and demand: an hour and five minutes each way
/// for clocks that are an hour off, five minutes past the signature's own expiry.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerificationPolicy {
    /// How long ago a request may have been signed.
    pub max_age: Duration,
    /// How far ahead of this server's clock a request may have been signed.
    pub max_future_skew: Duration,
    /// How long after its own expiry a signature is still accepted.
    pub expiry_leeway: Duration,
    /// Accept a draft-cavage `(request-target)` that leaves out the query, as old Mastodon sent it.
    pub accept_queryless_target: bool,
    /// Accept key ids with `http`; only for test networks.
    pub allow_http: bool,
    /// Demand RFC 9421 with precisely this `tag`; without it tags are passed over.
    pub required_tag: Option<String>,
}

impl Default for VerificationPolicy {
    fn default() -> Self {
        let an_hour_and_some = Duration::from_mins(65);
        Self {
            max_age: an_hour_and_some,
            max_future_skew: an_hour_and_some,
            expiry_leeway: Duration::from_mins(5),
            accept_queryless_target: true,
            allow_http: false,
            required_tag: None,
        }
    }
}
