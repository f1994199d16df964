//! What clients are told, as rows first: the durable log, and the bus that carries it to sockets.
//!
//! A feature appends a row in the transaction that changes something ([`EventLog`]). The publisher
//! is woken by the commit, reads the rows after the last it handed on, and gives them to the
//! [`Bus`]; nothing reaches a socket that is not a row, so a client that reconnects with the last
//! number it saw misses nothing. `docs/gateway.md` tells the same from the client's side.

mod bus;
mod light;
mod model;
mod publisher;
mod pulse;
mod store;

pub use bus::{Bus, End, Form, Frame, Subscription, TooManySubscriptions};
pub use light::light_message;
pub use model::{Effect, InvalidTopic, NewEvent, StoredEvent, Topic};
pub use publisher::{Retention, prune, publish, start};
pub use store::{EventLog, Resume, head, renewed, resume};
