//! A push stream's socket on tokio-tungstenite, over any connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message as Wire, Utf8Bytes};

use crate::stream::{Message, SocketError};

/// Bytes that are read from the connection at once.
const READ_BUFFER: usize = 16 * 1024;

/// Bytes that wait to be written at most, answers to pings counted: beyond them a peer that does
/// not read gets no more. The side that opened the stream writes whole activities.
#[cfg(any(test, feature = "client"))]
const CLIENT_WRITE_BUFFER: usize = 16 * 1024 * 1024;
#[cfg(any(test, feature = "axum"))]
const SERVER_WRITE_BUFFER: usize = 256 * 1024;

/// A WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket<C>(WebSocketStream<C>);

impl<C: AsyncRead + AsyncWrite + Unpin> WebSocket<C> {
    /// The socket of the side that opened it; messages longer than `max_bytes` are refused.
    #[cfg(any(test, feature = "client"))]
    pub(crate) async fn client(connection: C, max_bytes: usize) -> Self {
        Self::open(connection, Role::Client, max_bytes, CLIENT_WRITE_BUFFER).await
    }

    /// The socket of the side that took it in; messages longer than `max_bytes` are refused.
    #[cfg(any(test, feature = "axum"))]
    pub(crate) async fn server(connection: C, max_bytes: usize) -> Self {
        Self::open(connection, Role::Server, max_bytes, SERVER_WRITE_BUFFER).await
    }

    async fn open(connection: C, role: Role, max_bytes: usize, max_written: usize) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(max_bytes))
            .max_frame_size(Some(max_bytes))
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(max_written);
        let socket = WebSocketStream::from_raw_socket(connection, role, Some(config));
        Self(socket.await)
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<C> {
    type Item = Result<Message, SocketError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let read = std::task::ready!(Pin::new(&mut self.0).poll_next(context));
            return Poll::Ready(match read {
                Some(Ok(Wire::Text(text))) => Some(Ok(Message::Text(text.as_str().to_owned()))),
                Some(Ok(Wire::Binary(bytes))) => Some(Ok(Message::Binary(bytes))),
                Some(Ok(Wire::Ping(_))) => Some(Ok(Message::Ping)),
                Some(Ok(Wire::Pong(_))) => Some(Ok(Message::Pong)),
                Some(Ok(Wire::Close(frame))) => {
                    Some(Ok(Message::Close(frame.map(|frame| frame.code.into()))))
                }
                Some(Ok(Wire::Frame(_))) => continue,
                None | Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => None,
                Some(Err(error)) => Some(Err(sorted(error))),
            });
        }
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocket<C> {
    type Error = SocketError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SocketError>> {
        Pin::new(&mut self.0).poll_ready(context).map_err(sorted)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), SocketError> {
        let wire = match message {
            Message::Text(text) => Wire::Text(text.into()),
            Message::Binary(bytes) => Wire::Binary(bytes),
            Message::Ping => Wire::Ping(bytes::Bytes::new()),
            Message::Pong => Wire::Pong(bytes::Bytes::new()),
            Message::Close(code) => Wire::Close(code.map(|code| CloseFrame {
                code: code.into(),
                reason: Utf8Bytes::from_static(""),
            })),
        };
        Pin::new(&mut self.0).start_send(wire).map_err(sorted)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SocketError>> {
        Pin::new(&mut self.0).poll_flush(context).map_err(sorted)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SocketError>> {
        Pin::new(&mut self.0).poll_close(context).map_err(sorted)
    }
}

fn sorted(error: Error) -> SocketError {
    match error {
        Error::Capacity(_) => SocketError::TooLong,
        // A connection that breaks off is nobody's fault.
        Error::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing,
        ) => SocketError::Gone(error.into()),
        Error::Protocol(_) | Error::Utf8(_) => SocketError::Protocol(error.into()),
        _ => SocketError::Gone(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// How many bytes a socket keeps for a peer that never reads, until it gives up.
    fn kept<C: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocket<C>, most: usize) -> usize {
        let mut kept = 0;
        while kept < most {
            let message = Message::Binary(vec![b'x'; 8 * 1024].into());
            if Pin::new(&mut socket).start_send(message).is_err() {
                break;
            }
            kept += 8 * 1024;
        }
        kept
    }

    /// What a socket reads when these bytes come and the connection ends.
    async fn read(bytes: &[u8]) -> SocketError {
        let (here, mut there) = tokio::io::duplex(64);
        let mut socket = WebSocket::client(here, 1024).await;
        there.write_all(bytes).await.unwrap();
        drop(there);
        socket.next().await.unwrap().unwrap_err()
    }

    #[tokio::test]
    async fn a_connection_that_breaks_off_is_gone_and_what_is_no_websocket_a_fault() {
        // Nothing, the head of a text of five octets, and that with two of them.
        for cut in [&b""[..], b"\x81\x05", b"\x81\x05ab"] {
            let error = read(cut).await;
            assert!(matches!(error, SocketError::Gone(_)), "{cut:?}: {error:?}");
        }
        // Opcode 3 is reserved, and a server does not mask (RFC 6455 s5.1, s5.2).
        for wrong in [&b"\x83\x00"[..], b"\x81\x81abcd\x00"] {
            let error = read(wrong).await;
            assert!(
                matches!(error, SocketError::Protocol(_)),
                "{wrong:?}: {error:?}"
            );
        }
    }

    /// I11: what waits for a peer that does not read is bounded, on both sides.
    #[tokio::test]
    async fn i11_what_waits_to_be_written_is_bounded() {
        let (here, _never_read) = tokio::io::duplex(64);
        let socket = WebSocket::server(here, 64 * 1024).await;
        let server = kept(socket, 4 * SERVER_WRITE_BUFFER);
        assert!(
            (SERVER_WRITE_BUFFER / 2..=SERVER_WRITE_BUFFER).contains(&server),
            "{server}"
        );
        let (here, _never_read) = tokio::io::duplex(64);
        let socket = WebSocket::client(here, 64 * 1024).await;
        let client = kept(socket, 2 * CLIENT_WRITE_BUFFER);
        assert!(
            (CLIENT_WRITE_BUFFER / 2..=CLIENT_WRITE_BUFFER).contains(&client),
            "{client}"
        );
    }
}
