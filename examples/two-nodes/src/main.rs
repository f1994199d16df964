//! Two nodes on this machine: `holder` asks `issuer` for a session for its member alice, uses it,
//! and loses it. Run: `cargo run -p two-nodes`; it ends by itself.
//!
//! Every request between the two goes over HTTP through the guarded client, signed (RFC 9421) by
//! the holder's own actor, which the issuer finds through NodeInfo. `docs/node-handshake.md` says
//! what they say to each other.
#![expect(
    clippy::print_stdout,
    reason = "a command-line program talks to its terminal"
)]

use anyhow::{Result, ensure};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use federation_core::federation::{
    Federation, FixedKeys, HandlerError, MemoryStore, MemoryTransaction, Profile, Queue,
};
use federation_core::fetch::{FetchLimits, OutboundRequest};
use federation_core::handshake::{self, GrantedSession, Issuer, Scope, Terms};
use federation_core::inbox::Verified;
use federation_core::{Clock as _, SystemClock};
use http::HeaderValue;
use http::header::AUTHORIZATION;
use tokio::net::TcpListener;
use url::Url;

type Node = Federation<MemoryStore>;

/// These nodes exchange no activities.
#[expect(clippy::unnecessary_wraps, reason = "a handler may fail")]
fn ignore(_: &mut MemoryTransaction, _: &Verified, _: &mut Queue) -> Result<(), HandlerError> {
    Ok(())
}

/// Starts a node with a member on a port of its own.
async fn start(member: &str) -> Result<(Node, Url)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin: Url = format!("http://{}", listener.local_addr()?).parse()?;
    let node = Federation::builder(origin.clone(), MemoryStore::new())
        .keys(FixedKeys::default())
        .actor(Profile::person(member)?)
        .handler(ignore)
        .on_loopback()
        .build()
        .await?;
    let issuer = node.issuer(Terms::default());
    let routes = Router::new()
        .route("/greeting", get(greet))
        .with_state(issuer.clone())
        .merge(handshake::router(issuer))
        .merge(node.router());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok((node, origin))
}

/// A resource of the issuer for whoever holds a session that may read.
async fn greet(State(issuer): State<Issuer>, headers: HeaderMap) -> Result<String, StatusCode> {
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer "));
    let token = token.ok_or(StatusCode::UNAUTHORIZED)?;
    let now = SystemClock.now();
    let session = issuer
        .sessions()
        .authorise(token, Scope::ChatRead, now)
        .await;
    let session = session.map_err(|refused| refused.status())?;
    Ok(format!("Welcome, {}", session.actor()))
}

/// Uses the session at the issuer; the status and the text of the answer.
async fn visit(holder: &Node, session: &GrantedSession) -> Result<(StatusCode, String)> {
    let url = session.issuer.join("/greeting")?;
    let bearer = format!("Bearer {}", session.token.as_str());
    let mut request = OutboundRequest::get(url, FetchLimits::document());
    request
        .headers
        .insert(AUTHORIZATION, HeaderValue::try_from(bearer)?);
    let answer = holder.transport().execute(request).await?;
    Ok((
        answer.status,
        String::from_utf8_lossy(&answer.body).into_owned(),
    ))
}

#[tokio::main]
async fn main() -> Result<()> {
    let (holder, holder_origin) = start("alice").await?;
    let (_issuer, issuer_origin) = start("bob").await?;
    println!("holder {holder_origin}\nissuer {issuer_origin}");

    let client = holder.handshake_client();
    let alice = holder.actor_id("alice");
    let session = client
        .open(&issuer_origin, Some(&alice), Scope::ChatRead.into())
        .await?;
    println!(
        "session {} for {alice}, until {}",
        session.id, session.expires_at
    );

    let (status, text) = visit(&holder, &session).await?;
    println!("with the session: {status}, {text}");
    ensure!(status == StatusCode::OK, "the session opens nothing");

    let told = client.introspect(&issuer_origin, &session.token).await?;
    println!("the issuer says: {told:?}");

    client.revoke(&session).await?;
    let (status, _) = visit(&holder, &session).await?;
    println!("after it was revoked: {status}");
    ensure!(
        status == StatusCode::UNAUTHORIZED,
        "a revoked session opens something"
    );

    let mallory = issuer_origin.join("/users/bob")?;
    let refused = client
        .open(&issuer_origin, Some(&mallory), Scope::ChatRead.into())
        .await;
    match refused {
        Ok(_) => anyhow::bail!("a session for somebody else's member"),
        Err(refused) => println!("for a member of another node: {refused}"),
    }
    Ok(())
}
