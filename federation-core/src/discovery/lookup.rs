//! Asks a server what it runs.

use std::time::Duration;

use http::StatusCode;
use thiserror::Error;
use url::Url;

use super::node_info::NodeInfo;
use super::well_known::{NODE_INFO_PATH, NodeInfoIndex};
use crate::fetch::{Directory, DirectoryError};
use crate::vocab::{self, Map, ParseError, Value, same_origin};

/// Bytes of an index or a document that are read at most.
const MAX_DOCUMENT: usize = 64 * 1024;

/// Why a server's `NodeInfo` could not be had. None of it matters for federation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NodeInfoError {
    /// The server could not be asked.
    #[error("no answer from the server")]
    Directory(#[from] DirectoryError),
    /// The answer has an error status.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// The answer is not JSON that is read here.
    #[error("the answer cannot be read")]
    Parse(#[from] ParseError),
    /// The index names no document that is read here, on its own server.
    #[error("the index names no usable document")]
    NoDocument,
    /// The document does not name the software.
    #[error("the document does not name the software")]
    NoSoftware,
}

impl NodeInfoError {
    /// Whether the same question may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Directory(error) => error.is_retryable(),
            Self::Status(status) => status.is_server_error() || status.as_u16() == 429,
            _ => false,
        }
    }

    /// How long to wait before asking again, when that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Directory(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// The `NodeInfo` of the server at the origin of `server`: the index, then the best document in
/// it, 2.1 before 2.0.
///
/// # Errors
/// [`NodeInfoError`] by what went wrong.
///
/// # Security
/// The document has to lie on the origin that served the index; both requests are guarded and
/// count against the budget of the host.
pub async fn node_info(directory: &Directory, server: &Url) -> Result<NodeInfo, NodeInfoError> {
    let (found_at, index) = node_info_index(directory, server).await?;
    let document = index.document();
    let document = document
        .filter(|document| same_origin(document, &found_at))
        .ok_or(NodeInfoError::NoDocument)?;
    let (_, map) = fetch(directory, document).await?;
    NodeInfo::from_map(&map).ok_or(NodeInfoError::NoSoftware)
}

/// The index, and where it was found after redirects.
pub(super) async fn node_info_index(
    directory: &Directory,
    server: &Url,
) -> Result<(Url, NodeInfoIndex), NodeInfoError> {
    let index = server.join(NODE_INFO_PATH);
    let index = index.map_err(|_relative| NodeInfoError::NoDocument)?;
    let (found_at, map) = fetch(directory, &index).await?;
    Ok((found_at, NodeInfoIndex::from_map(&map)))
}

async fn fetch(
    directory: &Directory,
    url: &Url,
) -> Result<(Url, Map<String, Value>), NodeInfoError> {
    let answer = directory
        .exchange(url, "application/json", MAX_DOCUMENT)
        .await?;
    if answer.status != StatusCode::OK {
        return Err(NodeInfoError::Status(answer.status));
    }
    Ok((answer.final_url, vocab::parse(&answer.body)?))
}
