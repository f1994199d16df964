//! One node of the lab: a whole server on loopback with one member, and that member's client.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use federation_core::fetch::{FetchLimits, OutboundRequest, Transport};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};
use url::Url;

use crate::app::{self, App};
use crate::auth::model::OpaqueToken;
use crate::config::Config;

/// How long the lab waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);
/// Threads that serve one node.
const THREADS: usize = 2;

/// A running node with one member.
pub(super) struct LabNode {
    /// One letter, which its threads carry too.
    pub(super) name: &'static str,
    /// The member's user name.
    pub(super) username: &'static str,
    /// The member's password, made up.
    pub(super) password: String,
    /// `@username@host:port`.
    pub(super) handle: String,
    /// Where the node is, without a final slash.
    pub(super) origin: String,
    access: String,
    client: Arc<dyn Transport>,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    running: Running,
}

/// The server and the threads it runs on.
struct Running {
    app: Option<App>,
    runtime: Option<Runtime>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The settings of a node of the lab: only loopback, any free port, plain HTTP.
fn settings(data_dir: PathBuf) -> Result<Config> {
    let mut config = Config {
        data_dir,
        ..Config::default()
    };
    config.server.bind = "127.0.0.1:0".parse()?;
    config.federation.allow_http = true;
    config.federation.allowed_private_ranges = vec!["127.0.0.0/8".parse()?];
    Ok(config)
}

impl LabNode {
    /// Starts a server, opens the account of its member and that member's socket.
    pub(super) async fn start(
        name: &'static str,
        username: &'static str,
        data_dir: PathBuf,
        client: Arc<dyn Transport>,
    ) -> Result<Self> {
        let config = settings(data_dir)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name(name)
            .enable_all()
            .build()
            .context("cannot start threads")?;
        let starting = runtime.spawn(async move {
            let listener = app::listen(&config).await?;
            App::start(config, listener).await
        });
        let mut running = Running {
            app: None,
            runtime: Some(runtime),
        };
        let app = starting.await??;
        let origin = app.ctx().origin().as_str().to_owned();
        running.app = Some(app);

        let password: String = OpaqueToken::generate()?.expose().chars().take(22).collect();
        let body = json!({ "username": username, "password": password });
        let url = format!("{origin}/api/v1/auth/signup");
        let account = post(client.as_ref(), &url, None, &body).await?;
        let text = |pointer: &str| {
            let value = account.pointer(pointer).and_then(Value::as_str);
            value.map(str::to_owned).context("the account is not whole")
        };
        let (access, handle) = (text("/access_token")?, text("/user/handle")?);
        let socket = open_socket(&origin, &access).await?;
        Ok(Self {
            name,
            username,
            password,
            handle,
            origin,
            access,
            client,
            socket,
            running,
        })
    }

    /// A request of the member to the API.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.origin);
        post(self.client.as_ref(), &url, Some(&self.access), body).await
    }

    /// The next event on the member's socket that `wanted` accepts.
    pub(super) async fn event(
        &mut self,
        op: &str,
        wanted: impl Fn(&Value) -> bool + Send + Sync,
    ) -> Result<Value> {
        let listening = async {
            loop {
                let frame = next_frame(&mut self.socket).await?;
                let data = frame.get("d").unwrap_or(&Value::Null);
                if frame.get("op").and_then(Value::as_str) == Some(op) && wanted(data) {
                    return Ok(data.clone());
                }
            }
        };
        timeout(PATIENCE, listening)
            .await
            .with_context(|| format!("no {op} came to {} within {PATIENCE:?}", self.handle))?
    }

    /// Stops the server; whether everything ended in time.
    pub(super) async fn stop(mut self) -> Result<bool> {
        let (Some(app), Some(runtime)) = (self.running.app.take(), &self.running.runtime) else {
            return Ok(true);
        };
        Ok(runtime.spawn(app.stop()).await?)
    }
}

async fn post(
    client: &dyn Transport,
    url: &str,
    access: Option<&str>,
    body: &Value,
) -> Result<Value> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(access) = access {
        let value = HeaderValue::try_from(format!("Bearer {access}"))?;
        headers.insert(AUTHORIZATION, value);
    }
    let body = serde_json::to_vec(body)?.into();
    let request = OutboundRequest::post(Url::parse(url)?, headers, body, FetchLimits::document());
    let answer = client.execute(request).await?;
    if !answer.status.is_success() {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        bail!("{url} answers {}: {text}", answer.status);
    }
    Ok(serde_json::from_slice(&answer.body)?)
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open_socket(origin: &str, access: &str) -> Result<Socket> {
    let url = format!("{}/ws", origin.replacen("http", "ws", 1));
    let (mut socket, _answer) = connect_async(url).await.context("cannot open a socket")?;
    let identify = json!({ "op": "identify", "d": { "token": access } });
    socket.send(Message::text(identify.to_string())).await?;
    let ready = timeout(PATIENCE, next_frame(&mut socket)).await??;
    if ready.get("op").and_then(Value::as_str) != Some("ready") {
        bail!("the gateway did not say that it is ready");
    }
    Ok(socket)
}

async fn next_frame(socket: &mut Socket) -> Result<Value> {
    loop {
        match socket.next().await.context("the socket ended")?? {
            Message::Text(text) => return Ok(serde_json::from_str(&text)?),
            Message::Close(reason) => bail!("the gateway closed the socket: {reason:?}"),
            _ => {}
        }
    }
}
