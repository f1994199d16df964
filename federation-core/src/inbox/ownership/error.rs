//! Why an activity that is proven to be its actor's has no effect on what is stored.

use thiserror::Error;

use crate::clock::Timestamp;

/// Why an activity that is proven to be its actor's has no effect on what is stored.
///
/// None of these is worth a retry: the sender is answered as if all were well, since what is
/// stored here is nobody's business but the owner's.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnershipError {
    /// The activity is of another kind than the rule is for.
    #[error("the activity is of another kind")]
    OtherKind,
    /// The activity does not bring exactly one object that its actor's own origin vouches for.
    #[error("the activity brings no object that can be trusted")]
    NothingTrusted,
    /// The activity is about something else than what was looked up for it.
    #[error("the activity is about something else")]
    OtherObject,
    /// The stored thing belongs to somebody else.
    #[error("what is stored belongs to somebody else")]
    NotTheOwner,
    /// The new state names other owners than the stored one.
    #[error("the new state names another owner")]
    OwnerChanged,
    /// The new state is of another sort: an actor is no note, a person no group.
    #[error("the new state is of another sort")]
    KindChanged,
    /// The new state of an actor has an inbox on an origin that the actor never had.
    #[error("the new inbox lies elsewhere")]
    InboxElsewhere,
    /// The new state of an actor shows no key, or one of somebody else.
    #[error("the new state shows no key of its own")]
    KeyOfOthers,
    /// The object is stored already.
    #[error("the object is known")]
    Known,
    /// The object was deleted.
    #[error("the object was deleted")]
    Deleted,
    /// The state is older than the stored one.
    #[error("the state of {told} is older than the stored one of {known}", told = .told.to_rfc3339(), known = .known.to_rfc3339())]
    Stale {
        /// When the stored state was made, by its author's clock.
        known: Timestamp,
        /// When the state that came was made, by its author's clock.
        told: Timestamp,
    },
    /// Nothing that is answered or undone is stored.
    #[error("nothing of that sort was asked or done")]
    NotAsked,
    /// The request was made to somebody else.
    #[error("the request was made to somebody else")]
    NotTheTarget,
    /// The actor may not edit the collection.
    #[error("the collection belongs to somebody else")]
    ForeignCollection,
    /// The activity was not announced by the group that it is for.
    #[error("not announced by the group that it is for")]
    OtherGroup,
    /// The activity names recipients that the private object did not have.
    #[error("{added} recipients more than the object had")]
    AudienceExtended {
        /// How many.
        added: usize,
    },
    /// The account that is moved to does not name the one that moves (`alsoKnownAs`).
    #[error("the new account does not know the old one")]
    MoveNotConfirmed,
    /// A report names nothing of this server.
    #[error("the report is about nothing here")]
    NothingHere,
}

impl OwnershipError {
    /// Whether the same activity is worth sending again: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}
