//! Messages: written by members over the API, or come from people of other nodes.
//!
//! This folder alone writes `messages`, `message_recipients` and `message_tombstones`, and its parts
//! write their tables. A change takes one transaction: the row, its words in the index of the search,
//! the event that tells members, and the deliveries to the nodes of the others. What members put on
//! messages is in `reactions`, `pins` and `polls`; `marks` is what of it is shown with a message. What
//! the pages say that messages link to is in `previews`.

pub mod actions;
pub mod answers;
mod apart;
mod bulk;
mod clearing;
pub mod drafts;
pub mod erase;
pub mod federate;
pub mod forwards;
mod judged;
mod marks;
pub mod mentions;
pub mod model;
mod notify;
mod numbers;
mod parts;
mod pins;
pub mod polls;
pub mod previews;
pub mod reactions;
pub mod reading;
pub mod recent;
pub mod revisions;
mod routes;
pub mod scheduled;
pub mod search;
pub mod showing;
pub mod store;
mod telling;
pub mod tombstones;
pub mod typing;
pub mod wire;

pub use clearing::clear_deleted_channels;
pub use federate::on_settled;
pub use marks::drop_some_of;
pub use routes::router;
