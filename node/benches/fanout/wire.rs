//! The client's end of a WebSocket, as light as it can be: thousands of them share a machine with the
//! servers.

use bytes::{Buf as _, BytesMut};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A WebSocket that reads alone.
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Wire {
    pub(crate) async fn open(address: &str, protocols: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {protocols}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut wire = Self {
            stream,
            buffer: BytesMut::with_capacity(1024),
        };
        let end = loop {
            let found = wire.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(found) = found {
                break found;
            }
            assert_ne!(wire.stream.read_buf(&mut wire.buffer).await.unwrap(), 0);
        };
        let head = String::from_utf8_lossy(&wire.buffer[..end]).into_owned();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        wire.buffer.advance(end + 4);
        wire
    }

    /// The next text; pings need no answer for as long as this takes.
    pub(crate) async fn next(&mut self) -> Option<BytesMut> {
        loop {
            if let Some((code, payload)) = self.split() {
                if code == 1 {
                    return Some(payload);
                }
                continue;
            }
            if self.stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// The next whole frame of what was read (RFC 6455 s5.2); servers do not mask.
    fn split(&mut self) -> Option<(u8, BytesMut)> {
        let (code, short) = (*self.buffer.first()? & 0x0f, *self.buffer.get(1)? & 0x7f);
        let (head, length) = match short {
            126 => (4, usize::from((&self.buffer.get(2..4)?[..]).get_u16())),
            127 => (10, (&self.buffer.get(2..10)?[..]).get_u64() as usize),
            length => (2, usize::from(length)),
        };
        if self.buffer.len() < head + length {
            return None;
        }
        self.buffer.advance(head);
        Some((code, self.buffer.split_to(length)))
    }
}

/// Opens so many sockets; those that are greeted have read `ready`.
pub(crate) async fn open(
    address: &str,
    protocols: &str,
    sockets: usize,
    greeted: bool,
) -> Vec<Wire> {
    let opening = (0..sockets).map(|_| async {
        let mut wire = Wire::open(address, protocols).await;
        if greeted {
            let ready = wire.next().await.expect("it is greeted");
            assert!(ready.starts_with(b"{\"op\":\"ready\""), "{ready:?}");
        }
        wire
    });
    futures_util::stream::iter(opening)
        .buffer_unordered(64)
        .collect()
        .await
}
