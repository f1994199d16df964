//! Whose things are: the rules that a handler holds a [`Verified`] activity against, with what is
//! stored (FEP-fe34; `ActivityPub` s7).
//!
//! A [`Verified`] tells who acts. Whether that actor may change, end or answer the stored thing
//! that the activity names is decided by the *stored* owner, never by what the payload says of
//! itself, nor by the host it comes from (I4). Each rule is a pure function of the two; a handler
//! calls it inside its transaction and writes nothing when it refuses.
//!
//! | activity | rule | refuses (attack) |
//! |---|---|---|
//! | `Create` | [`create`] | a known id, a deleted one (30), an object of others (26) |
//! | `Update` of an object | [`update`] | another actor of the host (28), a new owner or type (29), an older state (30) |
//! | `Update` of an actor | [`update_actor`] | others, inboxes elsewhere, keys of others (29), an older state (30) |
//! | `Delete` | [`delete`], [`delete_actor`] | things and actors of others (31) |
//! | `Undo` | [`undo`] | what others did (32) |
//! | `Accept`, `Reject` | [`answer`] | what nobody asked, answers of others (33) |
//! | `Add`, `Remove` | [`collect`] | collections of others (34) |
//! | `Announce` of an activity | [`in_group`] | a group in another group's name (36) |
//! | `Create`, `Update` | [`audience`] | readers that a private object did not have (38) |
//! | `Move` | [`move_account`] | a target that does not know the account (39) |
//! | `Flag` | [`report`] | reports about nothing of this server |
//! | votes, counts | [`vote`], [`update_poll`] | votes for others, twice, too late; counts by others (45) |
//! | quotes | [`QuoteStamp`] | stamps that are malformed, reused or forged (46) |
//!
//! ```
//! use federation_core::Timestamp;
//! use federation_core::inbox::ownership::{self, OwnershipError, StoredObject};
//! use federation_core::testing::verified;
//! use federation_core::vocab::ObjectKind;
//! use serde_json::json;
//! use url::Url;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Bob edits alice's note, in her name; both are of one server.
//! let forged = json!({
//!     "id": "https://there.example/edits/1", "type": "Update",
//!     "actor": "https://there.example/users/bob",
//!     "object": {
//!         "id": "https://there.example/notes/1", "type": "Note", "content": "I owe bob money",
//!         "attributedTo": "https://there.example/users/bob",
//!     },
//! });
//! let own = Url::parse("https://here.example")?;
//! let verified = verified(&own, &forged, Timestamp::from_millis(1_795_190_734_000))?;
//! let (id, owner) = (
//!     Url::parse("https://there.example/notes/1")?,
//!     Url::parse("https://there.example/users/alice")?,
//! );
//! let stored = StoredObject::new(&id, &owner, &ObjectKind::Note);
//! let refused = ownership::update(&verified, &stored).unwrap_err();
//! assert!(matches!(refused, OwnershipError::NotTheOwner));
//! # Ok(())
//! # }
//! ```
//!
//! [`Verified`]: super::Verified

mod accounts;
mod collections;
mod error;
mod groups;
mod objects;
mod polls;
mod quotes;
mod requests;
#[cfg(test)]
mod tests;

pub use accounts::{delete_actor, move_account, report, update_actor};
pub use collections::{StoredCollection, collect};
pub use error::OwnershipError;
pub use groups::in_group;
pub use objects::{StoredObject, audience, create, delete, update};
pub use polls::{MAX_OPTIONS, Poll, PollChange, PollError, PollOption, update_poll, vote};
pub use quotes::{QuoteError, QuoteStamp};
pub use requests::{Answer, StoredActivity, answer, undo};
