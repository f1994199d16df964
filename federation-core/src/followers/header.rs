//! The header `Collection-Synchronization`, written as `Signature` is (draft-cavage s4.1).

use std::fmt;

use http::HeaderName;
use thiserror::Error;
use url::Url;

use super::digest::FollowersDigest;
use crate::vocab::{Actor, parse_id, same_origin};

/// The name of the header.
pub const HEADER: HeaderName = HeaderName::from_static("collection-synchronization");

/// Bytes of the header that are read at most.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;

/// What the sender of an activity says about its followers at the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the parameters of FEP-8fcf")]
pub struct Synchronization {
    /// The sender's `followers` collection.
    pub collection_id: Url,
    /// Where the list of those followers is that live at the receiver.
    pub url: Url,
    /// The digest of that list.
    pub digest: FollowersDigest,
}

/// Why a `Collection-Synchronization` header is ignored. None of these is worth a retry.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SynchronizationError {
    /// The header is longer than is read.
    #[error("longer than {MAX_HEADER_BYTES} bytes")]
    TooLong,
    /// The header is not a list of parameters in quotes.
    #[error("not a list of parameters")]
    Syntax,
    /// A parameter is there twice.
    #[error("`{name}` is there twice")]
    Twice {
        /// The parameter.
        name: &'static str,
    },
    /// A parameter is missing or cannot be understood.
    #[error("`{name}` is missing or cannot be understood")]
    Parameter {
        /// The parameter.
        name: &'static str,
    },
    /// The collection is not that of the sender's followers.
    #[error("not the sender's followers")]
    OtherCollection,
    /// The list lies on another origin than the sender.
    #[error("the list lies elsewhere than the sender")]
    Elsewhere,
}

impl SynchronizationError {
    /// Whether the same header may be believed later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

impl Synchronization {
    /// Reads the header. Parameters that are not known are passed over.
    ///
    /// # Errors
    /// See [`SynchronizationError`].
    pub fn parse(text: &str) -> Result<Self, SynchronizationError> {
        if text.len() > MAX_HEADER_BYTES {
            return Err(SynchronizationError::TooLong);
        }
        let (mut collection_id, mut url, mut digest) = (None, None, None);
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (name, value, after) = parameter(rest)?;
            let (slot, name) = match name {
                "collectionId" => (&mut collection_id, "collectionId"),
                "url" => (&mut url, "url"),
                "digest" => (&mut digest, "digest"),
                _ => {
                    rest = after;
                    continue;
                }
            };
            if slot.replace(value).is_some() {
                return Err(SynchronizationError::Twice { name });
            }
            rest = after;
        }
        let missing = |name| SynchronizationError::Parameter { name };
        let id = |text: Option<&str>, name| text.and_then(parse_id).ok_or(missing(name));
        let digest = digest.and_then(|digest| digest.parse().ok());
        Ok(Self {
            collection_id: id(collection_id, "collectionId")?,
            url: id(url, "url")?,
            digest: digest.ok_or(missing("digest"))?,
        })
    }

    /// That the header is about the followers of `sender`, and leads nowhere else.
    ///
    /// # Errors
    /// [`SynchronizationError::OtherCollection`], [`SynchronizationError::Elsewhere`]; the header
    /// must then be ignored.
    ///
    /// # Security
    /// `sender` has to be proven, and the header signed by it (attack 44): else anybody could make
    /// this server ask for the followers of somebody else, and believe a list of them.
    pub fn check(&self, sender: &Actor) -> Result<(), SynchronizationError> {
        if sender.followers.as_ref() != Some(&self.collection_id) {
            return Err(SynchronizationError::OtherCollection);
        }
        let origins = [&self.url, &self.collection_id];
        if origins.iter().any(|url| !same_origin(url, &sender.id)) {
            return Err(SynchronizationError::Elsewhere);
        }
        Ok(())
    }
}

/// One parameter, `name="value"`, and what follows its comma.
fn parameter(text: &str) -> Result<(&str, &str, &str), SynchronizationError> {
    let syntax = SynchronizationError::Syntax;
    let (name, rest) = text.split_once('=').ok_or(syntax.clone())?;
    let rest = rest.trim_start().strip_prefix('"').ok_or(syntax.clone())?;
    let (value, rest) = rest.split_once('"').ok_or(syntax.clone())?;
    if value.contains('\\') {
        return Err(syntax);
    }
    let rest = rest.trim_start();
    let after = match rest.strip_prefix(',') {
        Some(after) if !after.trim().is_empty() => after.trim_start(),
        None if rest.is_empty() => rest,
        _ => return Err(syntax),
    };
    Ok((name.trim(), value, after))
}

impl fmt::Display for Synchronization {
    /// The value of the header.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, url, digest) = (&self.collection_id, &self.url, &self.digest);
        write!(
            formatter,
            r#"collectionId="{id}", url="{url}", digest="{digest}""#
        )
    }
}
