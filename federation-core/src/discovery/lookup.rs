//! Asks a server what it runs.

use http::StatusCode;
use http::header::{ACCEPT, HeaderValue};
use thiserror::Error;
use url::Url;

use super::node_info::NodeInfo;
use super::well_known::{NODE_INFO_PATH, NodeInfoIndex};
use crate::fetch::{FetchError, FetchLimits, OutboundRequest, Transport};
use crate::vocab::{self, Map, ParseError, Value, same_origin};

/// Why a server's `NodeInfo` could not be had. None of it matters for federation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NodeInfoError {
    /// There was no answer.
    #[error("no answer from the server")]
    Fetch(#[from] FetchError),
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
            Self::Fetch(error) => error.is_retryable(),
            Self::Status(status) => status.is_server_error() || status.as_u16() == 429,
            _ => false,
        }
    }
}

/// Fetches the `NodeInfo` of the server at `origin`: the index, then the best document in it.
///
/// # Errors
/// [`NodeInfoError`] by what went wrong.
///
/// # Security
/// The document has to lie on the origin that served the index; both requests go through the
/// guarded transport.
pub async fn fetch_node_info(
    transport: &dyn Transport,
    limits: FetchLimits,
    origin: &Url,
) -> Result<NodeInfo, NodeInfoError> {
    let index = origin.join(NODE_INFO_PATH);
    let index = index.map_err(|_relative| NodeInfoError::NoDocument)?;
    let (found_at, map) = fetch(transport, limits, index).await?;
    let index = NodeInfoIndex::from_map(&map);
    let document = index.document().cloned();
    let document = document
        .filter(|document| same_origin(document, &found_at))
        .ok_or(NodeInfoError::NoDocument)?;
    let (_, map) = fetch(transport, limits, document).await?;
    NodeInfo::from_map(&map).ok_or(NodeInfoError::NoSoftware)
}

async fn fetch(
    transport: &dyn Transport,
    limits: FetchLimits,
    url: Url,
) -> Result<(Url, Map<String, Value>), NodeInfoError> {
    let mut request = OutboundRequest::get(url, limits);
    let accept = HeaderValue::from_static("application/json");
    request.headers.insert(ACCEPT, accept);
    let answer = transport.execute(request).await?;
    if answer.status != StatusCode::OK {
        return Err(NodeInfoError::Status(answer.status));
    }
    Ok((answer.final_url, vocab::parse(&answer.body)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::discovery::{NodeInfoLink, Software, UserCounts};
    use crate::fetch::GuardPolicy;
    use crate::testing::ScriptedTransport;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    async fn ask(web: &ScriptedTransport) -> Result<NodeInfo, NodeInfoError> {
        fetch_node_info(web, FetchLimits::document(), &url("https://a.example")).await
    }

    fn index(web: &ScriptedTransport, href: &str) {
        let links = json!({"links": [{"rel": "http://nodeinfo.diaspora.software/ns/schema/2.0", "href": href}]});
        web.serve_as(
            "https://a.example/.well-known/nodeinfo",
            "application/json",
            links.to_string(),
        );
    }

    #[tokio::test]
    async fn reads_what_it_serves() {
        let web = ScriptedTransport::new();
        let mut software = Software::new("folkmoot", "0.1.0");
        software.homepage = Some(url("https://folkmoot.example/"));
        let served = NodeInfo::new(software, true).with_usage(UserCounts::new(9, 5, 3), Some(70));
        let document = url("https://a.example/nodeinfo/2.1");
        let actor = url("https://a.example/actor");
        let links = NodeInfoIndex::new(document.clone(), Some(actor.clone()));
        web.serve("https://a.example/.well-known/nodeinfo", &json!(links));
        web.serve(document.as_str(), &json!(served));
        assert_eq!(ask(&web).await.unwrap(), served);
        assert_eq!(links.application(), Some(&actor));
        assert_eq!(json!(served)["usage"]["users"]["activeHalfyear"], 5);
        assert_eq!(
            json!(served)["services"],
            json!({"inbound": [], "outbound": []})
        );
    }

    #[tokio::test]
    async fn attack_47_does_not_follow_the_index_elsewhere() {
        let web = ScriptedTransport::guarded(GuardPolicy::default());
        for inside in [
            "https://127.0.0.1/nodeinfo",
            "https://10.0.0.1/",
            "https://b.example/nodeinfo",
            "http://a.example/nodeinfo",
        ] {
            index(&web, inside);
            assert!(
                matches!(ask(&web).await, Err(NodeInfoError::NoDocument)),
                "{inside}"
            );
        }
        let index_only = web
            .requests()
            .iter()
            .all(|sent| sent.url.path() == NODE_INFO_PATH);
        assert!(index_only);
    }

    #[tokio::test]
    async fn survives_documents_of_every_shape() {
        let web = ScriptedTransport::new();
        index(&web, "https://a.example/n");
        for odd in [
            json!({}),
            json!({"software": []}),
            json!({"software": {"name": 7}}),
        ] {
            web.serve("https://a.example/n", &odd);
            assert!(
                matches!(ask(&web).await, Err(NodeInfoError::NoSoftware)),
                "{odd}"
            );
        }
        let old = json!({"version": "1.0", "software": {"name": "x".repeat(9999)}, "protocols": {"inbound": ["activitypub", 7]}, "usage": [], "metadata": []});
        web.serve("https://a.example/n", &old);
        let read = ask(&web).await.unwrap();
        assert_eq!(read.software.name.len(), 128);
        assert_eq!(read.protocols, ["activitypub"]);
        let odd = json!({"links": [7, {"href": 1}, {"rel": "x"}, {"type": "http://nodeinfo.diaspora.software/ns/schema/2.0", "href": "https://a.example/n"}]});
        let index = NodeInfoIndex::from_map(odd.as_object().unwrap());
        assert_eq!(
            index.links,
            [NodeInfoLink::new(
                "http://nodeinfo.diaspora.software/ns/schema/2.0",
                url("https://a.example/n")
            )]
        );
    }
}
