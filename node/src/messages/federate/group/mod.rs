//! Messages of channels across nodes: a channel is a Group that announces what its members say
//! (FEP-1b12; `docs/channels-federation.md`).
//!
//! At the node of the channel, what members of that node do leaves by `local`, and what members of
//! other nodes do comes in by `receive`; all of it is announced to the followers, each node told once.
//! At the other nodes `mirror` takes in what the Group announces. What may be fetched is in `serve`.

mod announce;
mod change;
mod incoming;
mod local;
mod mirror;
mod note;
mod prove;
mod receive;
mod serve;
mod telling;

pub use incoming::{GroupNote, channel_for};
pub use mirror::{
    Announced, backfill, backfilled, mirrored, mirrored_change, mirrored_delete, mirrored_removal,
    settled,
};
pub use receive::{receive_change, receive_post};
pub use serve::{Place, document, entries, place};

pub(in crate::messages) use local::reacted;
pub(super) use local::{created, deleted, updated};
pub(in crate::messages) use prove::author_to_prove;
pub(super) use receive::passed_on_delete;
pub(in crate::messages) use receive::{passed_on_reaction, taken_out};
