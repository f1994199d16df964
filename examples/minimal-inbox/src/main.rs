//! Prints every activity that reaches `/inbox` with proof, once:
//! `minimal-inbox 127.0.0.1:8080 https://example.org`.
//!
//! Behind `https://example.org` a proxy passes requests on to 127.0.0.1:8080. With an `http://`
//! origin it runs on one machine alone and speaks to loopback addresses too.
#![expect(
    clippy::print_stdout,
    reason = "a command-line program talks to its terminal"
)]

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use federation_core::SystemClock;
use federation_core::fetch::client::{ClientConfig, GuardedClient};
use federation_core::fetch::{BlockedDomains, Directory, DirectoryConfig};
use federation_core::fetch::{GuardPolicy, MemoryActorCache};
use federation_core::inbox::{InboundRequest, Inbox, InboxConfig};
use http::{HeaderMap, Method, StatusCode, Uri};
use url::Url;

struct App {
    inbox: Inbox,
    seen: Mutex<HashSet<Url>>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bind, origin] = arguments.as_slice() else {
        bail!("usage: minimal-inbox ADDRESS ORIGIN")
    };
    let mut config = InboxConfig::new(origin.parse()?);
    config.policy.allow_http = config.origin.scheme() == "http";
    let policy = if config.policy.allow_http {
        GuardPolicy::with_private_ranges(vec!["127.0.0.0/8".parse()?], true)
    } else {
        GuardPolicy::default()
    };
    let client = GuardedClient::new(ClientConfig::new("minimal-inbox", policy))?;
    let (clock, blocked) = (Arc::new(SystemClock), Arc::new(BlockedDomains::default()));
    let directory = Directory::new(
        Arc::new(client),
        Arc::new(MemoryActorCache::new(1000)),
        None,
        clock.clone(),
        DirectoryConfig::default(),
    );
    let inbox = Inbox::new(config, Arc::new(directory), blocked, clock);

    let app = Arc::new(App {
        inbox,
        seen: Mutex::default(),
    });
    let routes = Router::new().route("/inbox", post(receive)).with_state(app);
    let listener = tokio::net::TcpListener::bind(bind).await?;
    axum::serve(listener, routes).await?;
    Ok(())
}

async fn receive(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let origin = &app.inbox.config().origin;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let Ok(request) = InboundRequest::new(Method::POST, origin, target, headers, body) else {
        return StatusCode::BAD_REQUEST;
    };
    let verified = match app.inbox.authenticate(request).await {
        Ok(verified) => verified,
        Err(refused) => {
            let status = refused.status();
            println!("refused: {refused}");
            return status;
        }
    };
    let activity = verified.activity();
    let mut seen = app.seen.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.insert(activity.id.clone()) {
        println!("{} from {}", activity.kind.as_str(), verified.actor().id);
    }
    StatusCode::ACCEPTED
}
