//! Push streams (`docs/node-stream.md`): those that other nodes open here, and those opened there.

use std::fmt;
use std::sync::Arc;

use federation_core::fetch::Transport;
use federation_core::inbox::{InboundRequest, InboxAnswer, InboxService};
use federation_core::stream::{
    ClientConfig, Entrance, NodeConnector, ServerConfig, StreamServer, StreamTransport,
};
use futures_util::future::BoxFuture;
use http::StatusCode;

use super::Nodes;
use crate::accounts::model::Username;
use crate::base::ids::ChannelId;
use crate::federation::{Edge, NodeInbox};
use crate::platform::ctx::Ctx;

/// Push streams of this node, both ways; cheap to clone.
#[derive(Clone, Debug)]
pub struct Streams {
    transport: StreamTransport,
    entrance: Entrance,
    opens: bool,
    accepts: bool,
}

impl Streams {
    /// Puts both sides together.
    pub fn new(ctx: &Ctx, edge: &Edge, nodes: &Nodes) -> Self {
        let (settings, clock) = (&ctx.config().federation.stream, ctx.clock());
        let connector = NodeConnector::new(
            Arc::clone(nodes.held()),
            Arc::clone(edge.upgrader()),
            Arc::clone(clock),
        );
        let transport = StreamTransport::new(
            Arc::clone(edge.transport()),
            Arc::new(connector),
            Arc::clone(clock),
            ClientConfig::default(),
        );
        let mut config = ServerConfig::default();
        let longest = u32::try_from(ctx.config().limits.inbox_body_bytes);
        config.max_body_bytes = longest.unwrap_or(u32::MAX);
        config.policy.clone_from(&edge.inbox().config().policy);
        let inbox = StreamInbox(NodeInbox::new(ctx.clone(), edge.clone()));
        let origin = ctx.origin().url().clone();
        let entrance = Entrance::new(
            StreamServer::new(Arc::new(inbox), origin, config),
            nodes.sessions().clone(),
            Arc::clone(clock),
            ctx.tasks().tracker().clone(),
            ctx.tasks().shutdown().clone(),
        )
        .noting(edge.contacts().clone());
        Self {
            transport,
            entrance,
            opens: settings.open,
            accepts: settings.accept,
        }
    }

    /// The way out for deliveries: by stream where there is one.
    pub fn deliveries(&self) -> Arc<dyn Transport> {
        Arc::new(self.transport.clone())
    }

    /// The streams that this node opens.
    pub fn transport(&self) -> &StreamTransport {
        &self.transport
    }

    /// The streams that others open here.
    pub fn server(&self) -> &StreamServer {
        self.entrance.server()
    }

    /// The way in, when there is one.
    pub(super) fn entrance(&self) -> Option<Entrance> {
        self.accepts.then(|| self.entrance.clone())
    }
}

/// Opens streams and keeps them, until the server stops.
pub async fn keep_streams(ctx: Ctx, streams: Streams) {
    if streams.opens {
        let shutdown = ctx.tasks().shutdown().clone();
        streams.transport.run(shutdown).await;
    }
}

/// The inbox as streams reach it: at the addresses that take a POST, and at no other.
struct StreamInbox(NodeInbox);

impl InboxService for StreamInbox {
    fn receive(&self, request: InboundRequest) -> BoxFuture<'_, InboxAnswer> {
        if is_inbox(request.path()) {
            return self.0.receive(request);
        }
        let detail = "There is no such inbox.";
        let answer = InboxAnswer::refused(StatusCode::NOT_FOUND, "not_found", detail);
        Box::pin(async { answer })
    }
}

impl fmt::Debug for StreamInbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamInbox")
            .finish_non_exhaustive()
    }
}

fn is_inbox(path: &str) -> bool {
    let name = path
        .strip_prefix("/users/")
        .and_then(|rest| rest.strip_suffix("/inbox"));
    match name {
        Some(name) => name
            .parse::<Username>()
            .is_ok_and(|username| username.as_str() == name),
        None => matches!(path, "/inbox" | "/actor/inbox") || is_of_a_channel(path),
    }
}

/// Whether it is the inbox of a channel, which is a Group for other nodes.
fn is_of_a_channel(path: &str) -> bool {
    let id = path
        .strip_prefix("/channels/")
        .and_then(|rest| rest.strip_suffix("/inbox"));
    id.is_some_and(|id| {
        id.parse::<ChannelId>()
            .is_ok_and(|channel| channel.as_str() == id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_activities_where_posts_are_taken() {
        let channel = "/channels/0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11/inbox";
        for path in ["/inbox", "/actor/inbox", "/users/alice/inbox", channel] {
            assert!(is_inbox(path), "{path}");
        }
        for path in [
            "/",
            "/inbox/",
            "/users//inbox",
            "/users/Alice/inbox",
            "/users/a/b/inbox",
            "/channels/x/inbox",
            "/channels/0197A3C2-7b1e-7c55-8f00-6b7d2f6f1a11/inbox",
            "/api/v1/auth/login",
        ] {
            assert!(!is_inbox(path), "{path}");
        }
    }
}
