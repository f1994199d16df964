//! How the issuer's side of push streams behaves.

use std::time::Duration;

use crate::signature::VerificationPolicy;

/// The settings of a [`StreamServer`](super::StreamServer).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Activities of one stream that are worked on at once. Default: 32.
    pub window: u16,
    /// Bytes of one activity's body at most. Default: 1 MiB.
    pub max_body_bytes: u32,
    /// Bytes of bodies of one stream that are worked on at once; reading waits above. Default: 4 MiB.
    pub max_unsettled_bytes: usize,
    /// Streams open at once, one for each holder. Default: 256.
    pub max_streams: usize,
    /// Time for the holder's `hello`. Default: 10 s.
    pub hello_within: Duration,
    /// Between two pings. Default: 30 s.
    pub heartbeat: Duration,
    /// After how long without a sign of life the holder is gone. Default: 75 s.
    pub silence: Duration,
    /// Time for one write to leave. Default: 10 s.
    pub send_within: Duration,
    /// Time for the inbox to answer; 503 after it. Default: 30 s.
    pub answer_within: Duration,
    /// How long a server that stops waits for what is under way. Default: 2 s.
    pub drain: Duration,
    /// Time for the closing handshake, then the connection is dropped. Default: 500 ms.
    pub close_within: Duration,
    /// Text messages a second on end, and at once; more close the stream. Default: 200 and 1000.
    pub text_pace: (u32, u32),
    /// Ephemeral frames a second on end, and at once; more are dropped. Default: 20 and 40.
    pub ephemeral_pace: (u32, u32),
    /// What the inbox demands of signatures. A key id is read by it as the inbox will read it, to
    /// see that it is of the holder's origin.
    pub policy: VerificationPolicy,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            window: 32,
            max_body_bytes: 1024 * 1024,
            max_unsettled_bytes: 4 * 1024 * 1024,
            max_streams: 256,
            hello_within: Duration::from_secs(10),
            heartbeat: Duration::from_secs(30),
            silence: Duration::from_secs(75),
            send_within: Duration::from_secs(10),
            answer_within: Duration::from_secs(30),
            drain: Duration::from_secs(2),
            close_within: Duration::from_millis(500),
            text_pace: (200, 1000),
            ephemeral_pace: (20, 40),
            policy: VerificationPolicy::default(),
        }
    }
}

impl ServerConfig {
    /// Bytes of a WebSocket message at most: what the socket's library must refuse above.
    pub fn max_message_bytes(&self) -> usize {
        let body = usize::try_from(self.max_body_bytes).unwrap_or(usize::MAX);
        body.saturating_add(crate::stream::MAX_HEAD_BYTES + 1)
    }
}
