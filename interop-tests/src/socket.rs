//! The event socket of a member.

use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use futures_util::SinkExt as _;
use futures_util::StreamExt as _;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// An identified socket.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The `d` of the `ready` frame.
    pub ready: Value,
    /// The number of the newest event that was read.
    pub seq: Option<i64>,
}

impl Socket {
    /// Connects, identifies, and waits for `ready`.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn open(address: &str, token: &str, resume: Option<i64>) -> Result<Self> {
        let (mut stream, _) = tokio_tungstenite::connect_async(address).await?;
        let identify = json!({ "op": "identify", "d": { "token": token, "resume": resume } });
        stream.send(Message::text(identify.to_string())).await?;
        let mut socket = Self {
            stream,
            ready: Value::Null,
            seq: resume,
        };
        let first = socket.next().await?;
        if first["op"] != "ready" {
            bail!("the first frame is {first}");
        }
        socket.seq = resume.or_else(|| first["d"]["seq"].as_i64());
        socket.ready = first["d"].clone();
        Ok(socket)
    }

    /// The next frame.
    ///
    /// # Errors
    /// When none comes in time, or the server closes.
    pub async fn next(&mut self) -> Result<Value> {
        timeout(PATIENCE, self.read())
            .await
            .context("no frame came")?
    }

    /// The `d` of the next frame of kind `op`; others are passed over.
    ///
    /// # Errors
    /// When none comes in time, or the server closes.
    pub async fn event(&mut self, op: &str) -> Result<Value> {
        let wanted = async {
            loop {
                let mut frame = self.read().await?;
                if frame["op"] == op {
                    return Ok(frame["d"].take());
                }
            }
        };
        let found = timeout(PATIENCE, wanted).await;
        found.with_context(|| format!("no {op} came"))?
    }

    async fn read(&mut self) -> Result<Value> {
        loop {
            let message = self.stream.next().await.context("the socket ended")??;
            match message {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(text.as_str())?;
                    self.seq = frame["seq"].as_i64().or(self.seq);
                    return Ok(frame);
                }
                Message::Close(reason) => bail!("the server closed: {reason:?}"),
                _ => {}
            }
        }
    }
}
