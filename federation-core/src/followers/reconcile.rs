//! The receiving side: what to change here when the digest does not fit.

use std::collections::HashSet;
use std::time::Duration;

use thiserror::Error;
use url::Url;

use super::digest::FollowersDigest;
use super::header::{Synchronization, SynchronizationError};
use super::list::{MAX_LISTED, at_origin};
use crate::fetch::{CollectionLimits, Directory, DirectoryError};
use crate::vocab::{Actor, ObjectOrId};

/// What is to be changed here so that both sides have the same followers of one actor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciliation {
    /// Local actors that follow the sender by what is known here, and not by what the sender says:
    /// their follow is over.
    pub ended: Vec<Url>,
    /// Local actors that follow the sender by what the sender says, and not by what is known here:
    /// a follow of theirs that still waits may count as accepted; for the others the sender should
    /// be sent an `Undo` of the `Follow`.
    pub unknown: Vec<Url>,
}

/// Why two sides could not be compared.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// The header is not to be believed.
    #[error("the header is ignored")]
    Header(#[from] SynchronizationError),
    /// The list could not be fetched.
    #[error("the list cannot be fetched")]
    List(#[from] DirectoryError),
    /// The list is longer than is read, or broke off: nothing may be taken from it.
    #[error("the list is not whole")]
    Incomplete,
}

impl ReconcileError {
    /// Whether asking again later may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Header(_) => false,
            Self::List(error) => error.is_retryable(),
            Self::Incomplete => true,
        }
    }

    /// How long to wait before asking again, when that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::List(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// Compares what `sender` says about its followers on the origin `own` with those known here;
/// `None` when both agree.
///
/// `known` are the accepted followers of the sender that live here. When their digest differs, the
/// list is fetched from the sender's origin, signed by the directory's signer.
///
/// # Errors
/// See [`ReconcileError`]; nothing is to be changed then.
///
/// # Security
/// As [`Synchronization::check`]: the header has to be signed by `sender`. It concerns followers of
/// the sender alone, and of these only those on the origin `own` (attack 44). Nothing is ended by
/// the header or the digest, only by the whole list that the sender's own origin shows. A follow
/// that was made while the list was on its way may be missing from it: callers leave follows alone
/// that are younger than a few minutes.
pub async fn reconcile(
    directory: &Directory,
    header: &Synchronization,
    sender: &Actor,
    own: &Url,
    known: &[Url],
) -> Result<Option<Reconciliation>, ReconcileError> {
    header.check(sender)?;
    let known: HashSet<&Url> = at_origin(known, own).collect();
    let digest: FollowersDigest = known.iter().copied().collect();
    if digest == header.digest {
        return Ok(None);
    }
    let limits = CollectionLimits::new(10, MAX_LISTED);
    let list = directory.collection(&header.url, limits).await?;
    if !list.complete {
        return Err(ReconcileError::Incomplete);
    }
    let ids = list.items.iter().filter_map(ObjectOrId::id);
    let listed: HashSet<&Url> = at_origin(ids, own).collect();
    let sorted = |part: Vec<&&Url>| {
        let mut part: Vec<Url> = part.into_iter().map(|id| Url::clone(id)).collect();
        part.sort();
        part
    };
    let change = Reconciliation {
        ended: sorted(known.difference(&listed).collect()),
        unknown: sorted(listed.difference(&known).collect()),
    };
    if change == Reconciliation::default() {
        return Ok(None);
    }
    Ok(Some(change))
}
