//! Messages to and from ActivityPub (Activity Vocabulary s3.3 Note; ActivityPub s6, s7).
//!
//! Out: `actions` calls `send_create`, `send_update`, `send_delete` in its transaction; they
//! leave deliveries. [`on_settled`] is called, in the transaction that ends a delivery, with what
//! became of it. In: the inbox reads an activity with [`IncomingNote::read`] before its
//! transaction, resolves [`IncomingNote::strangers`] if it can, and calls [`receive_create`],
//! [`receive_update`] or [`receive_delete`] inside it. [`document`] is what an authorised fetch of
//! a message answers.

mod conversation;
pub mod group;
mod incoming;
mod note;
mod outgoing;
mod placing;
mod receive;
mod said;
mod sent;
mod settled;

pub use conversation::{notes_for, size_for};
pub use incoming::{Ignored, IncomingNote};
pub use note::{Served, document};
pub use receive::{Received, receive_create, receive_delete, receive_update};
pub use sent::sent;
pub use settled::on_settled;

pub(super) use note::Post;
pub(super) use outgoing::{send_create, send_delete, send_update, strangers};
