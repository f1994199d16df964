//! How the holder's side of push streams behaves.

use std::time::Duration;

use crate::outbox::Backoff;
use crate::stream::frame::EphemeralKinds;

/// The settings of a [`StreamTransport`](super::StreamTransport).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Streams open at once, one for each peer. Default: 64.
    pub max_streams: usize,
    /// Deliveries to one peer within [`ClientConfig::warm_for`] after which a stream is tried.
    /// Default: 2.
    pub open_after: u32,
    /// How long deliveries to a peer are counted. Default: 10 min.
    pub warm_for: Duration,
    /// Peers whose deliveries are counted at most. Default: 8192.
    pub max_warm: usize,
    /// Peers of which it is remembered that they offer no stream; when there are more, no further
    /// one is asked. Default: 16384.
    pub max_barred: usize,
    /// How long a peer without these endpoints is not asked again. Default: 1 h.
    pub unsupported_for: Duration,
    /// When a peer whose stream failed is asked again.
    pub backoff: Backoff,
    /// The ephemeral frames that this node may send. Default: none.
    pub ephemeral: EphemeralKinds,
    /// Ephemeral frames to one peer a second on end, and at once; more are dropped.
    /// Default: 10 and 20.
    pub ephemeral_pace: (u32, u32),
    /// Activities of one stream without an `ack` at most, whatever the issuer allows. Default: 64.
    pub window: u16,
    /// A stream without use for so long is closed. Default: 5 min.
    pub idle: Duration,
    /// A stream without use for so long gives way when another one is wanted and all are open.
    /// Default: 30 s.
    pub yield_after: Duration,
    /// Time for opening a stream, with its session. Default: 20 s.
    pub open_within: Duration,
    /// Time for the issuer's `hello`. Default: 10 s.
    pub hello_within: Duration,
    /// Time without any `ack` while some are due, after which the stream is given up.
    /// Default: 10 s.
    pub ack_within: Duration,
    /// Time for each single `ack`, after which the stream is given up. Default: 1 min.
    pub settle_within: Duration,
    /// A stream that was open for so long has worked; the pause before the next starts anew.
    /// Default: 1 min.
    pub lasting: Duration,
    /// Time for one write to leave. Default: 5 s.
    pub send_within: Duration,
    /// Between two pings. Default: 30 s.
    pub heartbeat: Duration,
    /// After how long without a sign of life the issuer is gone. Default: 75 s.
    pub silence: Duration,
    /// How long a stream that is closed waits for what is under way. Default: 5 s.
    pub drain: Duration,
    /// Time for the closing handshake, then the connection is dropped. Default: 500 ms.
    pub close_within: Duration,
}

impl Default for ClientConfig {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_hours(1);
        Self {
            max_streams: 64,
            open_after: 2,
            warm_for: Duration::from_mins(10),
            max_warm: 8192,
            max_barred: 16_384,
            unsupported_for: HOUR,
            backoff: Backoff {
                first: Duration::from_secs(1),
                longest: HOUR,
                ..Backoff::default()
            },
            ephemeral: EphemeralKinds::none(),
            ephemeral_pace: (10, 20),
            window: 64,
            idle: Duration::from_mins(5),
            yield_after: Duration::from_secs(30),
            open_within: Duration::from_secs(20),
            hello_within: Duration::from_secs(10),
            ack_within: Duration::from_secs(10),
            settle_within: Duration::from_mins(1),
            lasting: Duration::from_mins(1),
            send_within: Duration::from_secs(5),
            heartbeat: Duration::from_secs(30),
            silence: Duration::from_secs(75),
            drain: Duration::from_secs(5),
            close_within: Duration::from_millis(500),
        }
    }
}
