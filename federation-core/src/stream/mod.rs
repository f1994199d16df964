//! The push stream between nodes: what would be posted to an inbox, over one WebSocket.
//!
//! The *holder* of a node session with scope `stream` opens it and sends; the *issuer* receives.
//! Each frame carries exactly the signed request of a delivery, the issuer makes the same checks
//! as for a POST, and acknowledges after the commit. The delivery queue knows nothing of streams:
//! [`StreamTransport`] is a [`Transport`](crate::fetch::Transport) around another one, and POSTs
//! whatever a stream does not settle. `docs/node-stream.md` is the specification.
//!
//! [`StreamServer`] is the issuer's side. [`Frame`], [`SendWindow`] and [`ReceiveWindow`] are the
//! protocol without IO.
//!
//! ```
//! use federation_core::stream::{CloseReason, Frame, ReceiveWindow};
//!
//! let frame = Frame::from_text(r#"{"op":"ack","seq":7,"status":202,"code":"accepted"}"#)?;
//! assert!(matches!(frame, Frame::Ack(ack) if ack.seq == 7 && ack.status.is_success()));
//!
//! let mut window = ReceiveWindow::new(32);
//! assert!(window.admit(1).is_ok());
//! // A number left out: the stream is closed with 4412.
//! let violation = window.admit(3).unwrap_err();
//! assert_eq!(violation.reason(), CloseReason::OutOfOrder);
//! # Ok::<(), federation_core::stream::FrameError>(())
//! ```

mod client;
mod close;
#[cfg(test)]
mod fixtures;
mod frame;
mod pace;
mod server;
mod socket;
#[cfg(any(feature = "axum", feature = "client"))]
mod websocket;
mod window;

pub use client::{
    ClientConfig, ClientCounts, ConnectError, StreamConnector, StreamTransport, Told,
};
pub use close::CloseReason;
pub use frame::{
    Ack, ActivityFrame, Ephemeral, EphemeralKind, EphemeralKinds, Frame, FrameError, Hello,
    MAX_CODE, MAX_HEAD_BYTES, MAX_HEADERS, MAX_SEQ, MAX_TEXT_BYTES, PresenceState,
};
pub use server::{EphemeralSink, Place, ServerConfig, ServerCounts, StreamServer, TooManyStreams};
pub use socket::{Message, Socket, SocketError};
#[cfg(feature = "client")]
pub use websocket::NodeConnector;
#[cfg(feature = "axum")]
pub use websocket::{Entrance, router};
pub use window::{ReceiveWindow, SendWindow, Violation};

/// Where the stream of a node is.
pub const PATH: &str = "/api/v1/node/stream";
/// The WebSocket subprotocol; a later version has another name.
pub const PROTOCOL: &str = "folkmoot.node-stream.v1";
/// The code of an `ack` for an activity whose signing key is not of the holder's origin.
pub const FOREIGN_SIGNER: &str = "foreign_signer";
