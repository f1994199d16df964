//! The built program as one node, and what is asked of it over HTTP.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use federation_core::testing::TestDatabase;
use futures_util::StreamExt as _;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A socket of a member.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A node in a process of its own; it is killed when it is dropped.
pub(crate) struct Node {
    child: Child,
    address: String,
    client: Client,
    _data: TempDir,
}

impl Node {
    pub(crate) fn start(database: &TestDatabase) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_folkmoot"))
            .current_dir(data.path())
            .env_clear()
            .env("FOLKMOOT_DATABASE__URL", database.url_text())
            .env("FOLKMOOT_FEDERATION__ALLOW_HTTP", "true")
            .env(
                "FOLKMOOT_FEDERATION__ALLOWED_PRIVATE_RANGES",
                "[\"127.0.0.0/8\"]",
            )
            .env("FOLKMOOT_TELEMETRY__LOG", "warn")
            .args(["--bind", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let greeting = lines.next().expect("it starts").unwrap();
        let after = greeting.split(" on ").nth(1).unwrap();
        let address = after.split(',').next().unwrap().to_owned();
        // Whoever writes to a closed pipe ends.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address,
            client: Client::builder().no_proxy().build().unwrap(),
            _data: data,
        }
    }

    /// An address of the node.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request of whoever has this token.
    pub(crate) fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let request = self.client.request(method, self.url(path));
        request.bearer_auth(token)
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, token: &str, body: &Value) -> Value {
        answered(path, self.request(method, path, token).json(body)).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Value {
        answered(path, self.request(Method::GET, path, token)).await
    }

    /// Opens an account; answers its token.
    pub(crate) async fn signup(&self, name: &str) -> String {
        let path = "/api/v1/auth/signup";
        let body = json!({"username": name, "password": "correct horse battery staple"});
        let made = answered(path, self.client.post(self.url(path)).json(&body)).await;
        made["access_token"].as_str().unwrap().to_owned()
    }

    /// Lets everybody ask as often as they like; all come from one address.
    pub(crate) async fn unlimit(&self, owner: &str) {
        let path = "/api/v1/admin/rate-limits";
        let mut settings = self.get(path, owner).await;
        settings["enabled"] = json!(false);
        self.ask(Method::PUT, path, owner, &settings).await;
    }

    /// A document as other nodes ask for it.
    pub(crate) async fn document(&self, path: &str) -> Value {
        let request = self.client.get(self.url(path));
        let request = request.header("accept", "application/activity+json");
        answered(path, request).await
    }

    /// A socket that was greeted.
    pub(crate) async fn socket(&self, token: &str) -> Socket {
        let url = format!("ws://{}/ws", self.address);
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let (mut socket, _answer) = connect_async(request).await.unwrap();
        let ready = socket.next().await.expect("it is greeted").unwrap();
        assert!(ready.to_text().unwrap().contains("\"ready\""), "{ready}");
        socket
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

async fn answered(path: &str, request: RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.unwrap()
}

/// Asks again until `found` answers something.
pub(crate) async fn until<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = found().await {
            return value;
        }
        assert!(began.elapsed() < PATIENCE, "no {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
