//! An audience that is too large to be queued while somebody waits.
//!
//! A [`FanOut`] is one row, however many it reaches. A worker spreads it over the lanes afterwards,
//! page by page; each page is one transaction that also moves the place where the next one begins,
//! so a process that is killed loses and doubles nothing.

use thiserror::Error;

use super::delivery::{Outgoing, Target};
use crate::store::StoreError;

/// How many targets are queued at once; a longer list is spread afterwards.
pub const LARGEST_AT_ONCE: usize = 500;

/// An activity for an audience that is worked out later.
#[derive(Clone, Debug)]
pub struct FanOut {
    /// What is sent, and to whom besides; its ordering key holds for the audience too.
    pub outgoing: Outgoing,
    /// The audience, in words that the embedder's source understands, such as
    /// `followers:https://here.example/users/alice`. The store does not read it.
    pub audience: String,
}

/// Which part of an audience is wanted.
#[derive(Clone, Copy, Debug)]
pub struct PageQuery<'a> {
    /// The audience, as it was given to the fan-out.
    pub audience: &'a str,
    /// The activity it is for.
    pub activity_id: &'a str,
    /// What the page before named as its end; `None` for the first.
    pub after: Option<&'a str>,
    /// How many targets are wanted; a page may hold fewer.
    pub limit: u32,
}

/// A part of an audience.
///
/// A source that sorts by inbox, names the last inbox as the end of the page and groups by it gives
/// each inbox once by itself; an inbox that comes again is left out.
#[derive(Clone, Debug, Default)]
pub struct AudiencePage {
    /// The inboxes of this part.
    pub targets: Vec<Target>,
    /// Where the next part begins, in words of the source; `None` after the last.
    pub next: Option<String>,
}

/// Why a part of an audience cannot be had. The fan-out is tried again later.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AudienceError {
    /// No source knows this audience; perhaps a later version of the program does.
    #[error("no source knows the audience")]
    Unknown,
    /// The page ends where it began, so that the next would be the same for ever.
    #[error("the source of the audience does not get on")]
    Endless,
    /// The store failed.
    #[error("the audience cannot be read: {0}")]
    Store(#[from] StoreError),
}

impl AudienceError {
    /// Whether the same question may be answered later without anything else changing.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unknown | Self::Endless => false,
            Self::Store(error) => error.is_retryable(),
        }
    }
}

#[cfg(feature = "diesel")]
impl From<crate::store::sql::DatabaseError> for AudienceError {
    fn from(error: crate::store::sql::DatabaseError) -> Self {
        Self::Store(error.into())
    }
}

#[cfg(feature = "diesel")]
impl From<diesel::result::Error> for AudienceError {
    fn from(error: diesel::result::Error) -> Self {
        crate::store::sql::DatabaseError::from(error).into()
    }
}

/// What one step of spreading did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// Deliveries that were queued.
    pub queued: usize,
    /// Whether there was a fan-out to work on; there may be more then.
    pub worked: bool,
}

/// The page that `page` is, unless it would come again for ever.
pub(super) fn checked(
    page: AudiencePage,
    query: &PageQuery<'_>,
) -> Result<AudiencePage, AudienceError> {
    if page.next.is_some() && page.next.as_deref() == query.after {
        return Err(AudienceError::Endless);
    }
    Ok(page)
}
