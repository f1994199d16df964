//! [`Tether`]: what cuts a connection while its socket is held by somebody else.
//!
//! A connection that became a WebSocket belongs to its handler. The socket under it stays wrapped
//! in a [`Tethered`], which fails as soon as the address behind it is blocked (I9).

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Cuts one connection; every request over it carries it as an extension.
#[derive(Clone, Debug, Default)]
pub struct Tether(Arc<Line>);

#[derive(Debug, Default)]
struct Line {
    is_cut: AtomicBool,
    reader: AtomicWaker,
}

impl Tether {
    /// Makes the connection fail from now on, whoever reads or writes.
    pub fn cut(&self) {
        self.0.is_cut.store(true, Ordering::SeqCst);
        self.0.reader.wake();
    }

    fn check(&self) -> io::Result<()> {
        if self.0.is_cut.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

/// The sockets that are held open, by the address of their client.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<HashMap<IpAddr, Vec<Weak<Line>>>>);

impl Held {
    /// Remembers the socket of a client for as long as it lives.
    pub(super) fn hold(&self, address: IpAddr, tether: &Tether) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() == held.capacity() {
            // About to grow: first what ended goes.
            held.retain(|_, lines| {
                lines.retain(|line| line.strong_count() > 0);
                !lines.is_empty()
            });
        }
        let lines = held.entry(address).or_default();
        lines.retain(|line| line.strong_count() > 0);
        lines.push(Arc::downgrade(&tether.0));
    }

    /// Cuts the sockets of all addresses of which `is_blocked` holds, and forgets those that ended.
    pub(super) fn cut(&self, is_blocked: impl Fn(IpAddr) -> bool) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|address, lines| {
            if is_blocked(*address) {
                for line in lines.iter().filter_map(Weak::upgrade) {
                    Tether(line).cut();
                }
                return false;
            }
            lines.retain(|line| line.strong_count() > 0);
            !lines.is_empty()
        });
    }
}

/// A socket that fails once its tether is cut.
#[derive(Debug)]
pub struct Tethered<S> {
    socket: S,
    tether: Tether,
}

impl<S> Tethered<S> {
    /// The socket, with what cuts it.
    pub fn new(socket: S, tether: Tether) -> Self {
        Self { socket, tether }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tethered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // First the waker, then the look: a cut in between wakes.
        self.tether.0.reader.register(context.waker());
        self.tether.check()?;
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tethered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.tether.check()?;
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tether.check()?;
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.tether.check()?;
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}
