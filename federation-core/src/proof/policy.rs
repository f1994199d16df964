//! What a server demands of a proof before it looks at the key.

use std::time::Duration;

/// The rules a proof is held against.
///
/// The default suits activities that arrive: an activity that is forwarded or announced reaches
/// others within days, and what is older could be a repetition of something long forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProofPolicy {
    /// How long ago the proof may have been made; `None`: at any time, and without saying when.
    ///
    /// Keep it shorter than activities are remembered, or a repetition finds no trace of the
    /// first. Default: 7 days.
    pub max_age: Option<Duration>,
    /// How far ahead of this server's clock the proof may have been made. Default: 65 minutes, as
    /// for signatures of requests.
    pub max_future_skew: Duration,
    /// How long after its own expiry a proof is still accepted. Default: 5 minutes.
    pub expiry_leeway: Duration,
    /// Accept verification methods with `http`; only for test networks.
    pub allow_http: bool,
}

impl ProofPolicy {
    /// The rules for documents that are read long after they were written, such as the notes of a
    /// conversation that is caught up with: a proof of any age counts.
    pub fn any_age() -> Self {
        Self {
            max_age: None,
            ..Self::default()
        }
    }
}

impl Default for ProofPolicy {
    fn default() -> Self {
        Self {
            max_age: Some(Duration::from_hours(7 * 24)),
            max_future_skew: Duration::from_mins(65),
            expiry_leeway: Duration::from_mins(5),
            allow_http: false,
        }
    }
}
