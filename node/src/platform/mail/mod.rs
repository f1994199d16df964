//! Messages to members by mail: rows written with the change, sent afterwards by a worker.
//!
//! A message may arrive twice when the process dies between sending and noting it; both have the
//! same `Message-ID`. Nothing is queued while `[mail]` is off.

mod error;
mod port;
mod smtp;
mod store;
mod worker;

pub use self::error::MailError;
pub use self::port::{Mail, Mailer, SendError};
pub use self::smtp::Smtp;
pub use self::store::enqueue;
pub use self::worker::{send, send_due};
