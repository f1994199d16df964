//! The index at `/.well-known/nodeinfo` (`NodeInfo` protocol, FEP-f1d5).

use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;

use crate::vocab::parse_id;

/// Where the index is served.
pub const NODE_INFO_PATH: &str = "/.well-known/nodeinfo";

/// The relation of a `NodeInfo` 2.1 document, which is also the URL of its schema.
pub const NODE_INFO_REL: &str = "http://nodeinfo.diaspora.software/ns/schema/2.1";

/// The media type of a `NodeInfo` 2.1 document.
pub const NODE_INFO_MEDIA_TYPE: &str =
    "application/json; profile=\"http://nodeinfo.diaspora.software/ns/schema/2.1#\"";

/// The relation of a `NodeInfo` 2.0 document.
pub const NODE_INFO_2_0_REL: &str = "http://nodeinfo.diaspora.software/ns/schema/2.0";

/// The media type of a `NodeInfo` 2.0 document.
pub const NODE_INFO_2_0_MEDIA_TYPE: &str =
    "application/json; profile=\"http://nodeinfo.diaspora.software/ns/schema/2.0#\"";

/// The relation of the actor that stands for the whole server (FEP-2677).
pub const APPLICATION_REL: &str = "https://www.w3.org/ns/activitystreams#Application";

/// Relations of the documents that are read, best first.
const READ: [&str; 4] = [
    NODE_INFO_REL,
    NODE_INFO_2_0_REL,
    "http://nodeinfo.diaspora.software/ns/schema/1.1",
    "http://nodeinfo.diaspora.software/ns/schema/1.0",
];

/// Links of an index that are looked at.
const MAX_LINKS: usize = 32;

/// The index of a server's `NodeInfo` documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NodeInfoIndex {
    /// The documents, and the server's own actor.
    pub links: Vec<NodeInfoLink>,
}

/// One entry of the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NodeInfoLink {
    /// What it is.
    pub rel: String,
    /// Where it is.
    pub href: Url,
}

impl NodeInfoLink {
    /// A link.
    pub fn new(rel: impl Into<String>, href: Url) -> Self {
        Self {
            rel: rel.into(),
            href,
        }
    }
}

impl NodeInfoIndex {
    /// The index for a 2.1 document and, when there is one, the actor of the server.
    pub fn new(document: Url, application: Option<Url>) -> Self {
        let mut links = vec![NodeInfoLink::new(NODE_INFO_REL, document)];
        links.extend(application.map(|actor| NodeInfoLink::new(APPLICATION_REL, actor)));
        Self { links }
    }

    /// The same index with one more link, after those that are there.
    #[must_use]
    pub fn with_link(mut self, rel: impl Into<String>, href: Url) -> Self {
        self.links.push(NodeInfoLink::new(rel, href));
        self
    }

    /// Reads an index; entries that are not understood are passed over, and so are the ones
    /// beyond the thirty-second.
    pub fn from_map(map: &Map<String, Value>) -> Self {
        let list = map.get("links").and_then(Value::as_array);
        let links = list.into_iter().flatten().take(MAX_LINKS);
        let links = links.filter_map(|link| {
            // Some servers write the relation as `type`.
            let rel = link.get("rel").or_else(|| link.get("type"))?.as_str()?;
            let href = parse_id(link.get("href")?.as_str()?)?;
            Some(NodeInfoLink::new(rel, href))
        });
        Self {
            links: links.collect(),
        }
    }

    /// The `NodeInfo` document of the highest version that is read here.
    pub fn document(&self) -> Option<&Url> {
        READ.iter().find_map(|rel| self.link(rel))
    }

    /// The actor that stands for the whole server (FEP-2677).
    pub fn application(&self) -> Option<&Url> {
        self.link(APPLICATION_REL)
    }

    fn link(&self, rel: &str) -> Option<&Url> {
        let link = self.links.iter().find(|link| link.rel == rel)?;
        Some(&link.href)
    }
}
