//! The archive on its way to the member: entries of a tar (POSIX ustar), and a body that never
//! passes for whole when it is not.

use std::io;
use std::task::{Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use federation_core::Timestamp;
use futures_util::stream;
use tar::{EntryType, Header};
use tokio::sync::mpsc;

use super::error::ExportError;
use super::model::LONGEST_STALL;

/// Bytes that entries of a tar are filled up to.
const BLOCK: usize = 512;
/// Bytes of a piece at most: a slow reader is to take one within [`LONGEST_STALL`].
const SLICE: usize = 64 * 1024;
/// Pieces that wait for the reader at most.
const WAITING: usize = 1;

/// What an entry is, for the list of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Described at this address.
    Url(&'static str),
    /// Described by these words.
    Text(&'static str),
}

/// An entry that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its path in the archive.
    pub(super) name: String,
    /// What it is.
    pub(super) about: About,
    /// How many records it has; `None` for a document.
    pub(super) records: Option<usize>,
}

/// The archive was not finished; the client sees the connection cut.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the archive was not finished")]
struct Unfinished;

/// A piece of the body.
enum Piece {
    Bytes(Bytes),
    /// Nothing is missing.
    End,
}

/// Sends entries one after the other.
#[derive(Debug)]
pub(super) struct Archive {
    pieces: mpsc::Sender<Piece>,
    made_at: Timestamp,
    listed: Vec<Listed>,
}

impl Archive {
    /// An archive and the body that it leaves by.
    pub(super) fn open(made_at: Timestamp) -> (Self, Body) {
        let (pieces, mut coming) = mpsc::channel(WAITING);
        let mut is_over = false;
        let body = stream::poll_fn(move |context| {
            if is_over {
                return Poll::Ready(None);
            }
            Poll::Ready(match ready!(coming.poll_recv(context)) {
                Some(Piece::Bytes(bytes)) => Some(Ok(bytes)),
                Some(Piece::End) => {
                    is_over = true;
                    None
                }
                // Whoever writes it gave up, in whatever way.
                None => {
                    is_over = true;
                    Some(Err(Unfinished))
                }
            })
        });
        let archive = Self {
            pieces,
            made_at,
            listed: Vec::new(),
        };
        (archive, Body::from_stream(body))
    }

    /// When it was begun.
    pub(super) fn made_at(&self) -> Timestamp {
        self.made_at
    }

    /// What was sent so far.
    pub(super) fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// Sends one entry, once the reader has taken those before it.
    ///
    /// # Errors
    /// The reader hung up or takes nothing.
    pub(super) async fn add(&mut self, entry: Listed, content: &[u8]) -> Result<(), ExportError> {
        let mut bytes = entry_bytes(&entry.name, content, self.made_at)?;
        while !bytes.is_empty() {
            let slice = bytes.split_to(bytes.len().min(SLICE));
            self.send(Piece::Bytes(slice)).await?;
        }
        self.listed.push(entry);
        Ok(())
    }

    /// Ends the archive: two empty blocks, and nothing is missing.
    ///
    /// # Errors
    /// The reader hung up or takes nothing.
    pub(super) async fn end(self) -> Result<(), ExportError> {
        let trailer = Bytes::from(vec![0; 2 * BLOCK]);
        self.send(Piece::Bytes(trailer)).await?;
        self.send(Piece::End).await
    }

    async fn send(&self, piece: Piece) -> Result<(), ExportError> {
        match tokio::time::timeout(LONGEST_STALL, self.pieces.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_nobody_reads)) => Err(ExportError::HungUp),
            Err(_elapsed) => Err(ExportError::Stalled),
        }
    }
}

/// An entry with its header, filled up to whole blocks.
fn entry_bytes(name: &str, content: &[u8], made_at: Timestamp) -> io::Result<Bytes> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(u64::try_from(content.len()).map_err(io::Error::other)?);
    header.set_mtime(u64::try_from(made_at.as_seconds()).unwrap_or(0));
    header.set_mode(0o600);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    let whole = content.len().next_multiple_of(BLOCK);
    let mut bytes = Vec::with_capacity(whole.saturating_add(BLOCK));
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(content);
    bytes.resize(whole.saturating_add(BLOCK), 0);
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::body::to_bytes;
    use futures_util::StreamExt as _;

    use super::*;

    fn entry(name: &str) -> Listed {
        Listed {
            name: name.to_owned(),
            about: About::Text("words"),
            records: None,
        }
    }

    fn open() -> (Archive, Body) {
        Archive::open(Timestamp::from_millis(1_795_190_734_032))
    }

    #[tokio::test]
    async fn entries_come_out_as_they_went_in() {
        let (mut archive, body) = open();
        let contents = [Vec::new(), vec![b'x'; BLOCK], vec![b'y'; BLOCK + 1]];
        let sent = contents.clone();
        let writing = tokio::spawn(async move {
            for (number, content) in sent.iter().enumerate() {
                let name = format!("a/{number}.txt");
                archive.add(entry(&name), content).await.unwrap();
            }
            assert_eq!(archive.listed().len(), 3);
            archive.end().await.unwrap();
        });
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        writing.await.unwrap();
        assert_eq!(bytes.len() % BLOCK, 0);
        let mut read = tar::Archive::new(bytes.as_ref());
        let found = read.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            assert_eq!(entry.header().mtime().unwrap(), 1_795_190_734);
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            content
        });
        assert_eq!(found.collect::<Vec<_>>(), contents);
    }

    #[tokio::test]
    async fn one_that_is_given_up_does_not_pass_for_whole() {
        let (mut archive, body) = open();
        tokio::spawn(async move {
            archive.add(entry("a"), b"a").await.unwrap();
        });
        assert!(to_bytes(body, 1 << 20).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_that_goes_on_is_not_cut() {
        let (mut archive, body) = open();
        let writing = tokio::spawn(async move {
            let content = vec![b'x'; 4 * SLICE];
            archive.add(entry("a"), &content).await.unwrap();
            archive.end().await.unwrap();
        });
        let (mut body, mut taken) = (body.into_data_stream(), 0);
        while let Some(bytes) = body.next().await {
            let bytes = bytes.unwrap();
            assert!(bytes.len() <= SLICE, "{}", bytes.len());
            taken += bytes.len();
            tokio::time::sleep(LONGEST_STALL / 2).await;
        }
        writing.await.unwrap();
        assert_eq!(taken, 4 * SLICE + 3 * BLOCK);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_or_hangs_up_ends_the_work() {
        let (mut archive, body) = open();
        archive.add(entry("a"), b"a").await.unwrap();
        let stalled = archive.add(entry("b"), b"b").await;
        assert!(matches!(stalled, Err(ExportError::Stalled)), "{stalled:?}");
        drop(body);
        let gone = archive.add(entry("b"), b"b").await;
        assert!(matches!(gone, Err(ExportError::HungUp)), "{gone:?}");
    }
}
