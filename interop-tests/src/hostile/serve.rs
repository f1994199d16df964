//! An HTTP/1.1 server small enough to misbehave on purpose.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::Result;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::Replies;

/// The most of a request's body that is read, in bytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// What to do with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Answer.
    Answer {
        /// The status.
        status: u16,
        /// The media type.
        media_type: String,
        /// The body.
        body: String,
    },
    /// Send elsewhere with 302.
    Redirect(String),
    /// Take the request and never answer.
    Hang,
    /// Answer 200 and send bytes without end.
    Endless,
    /// Answer 200 and send one byte each second.
    Drip,
}

impl Reply {
    /// Answers 200 with a JSON document.
    pub fn json(media_type: &str, body: &Value) -> Self {
        Self::Answer {
            status: 200,
            media_type: media_type.to_owned(),
            body: body.to_string(),
        }
    }

    /// Answers with a bare status.
    pub fn status(status: u16) -> Self {
        Self::Answer {
            status,
            media_type: "text/plain".to_owned(),
            body: String::new(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    replies: Replies,
    requests: HashMap<String, usize>,
}

/// A running server; it ends when dropped.
#[derive(Debug)]
pub struct Server {
    port: u16,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                // A connection that breaks is the other side's business.
                tokio::spawn(async move { drop(answer(stream, &shared).await) });
            }
        });
        Ok(Self { port, state, task })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets the reply for a path.
    pub fn put(&self, path: &str, reply: Reply) {
        lock(&self.state).replies.insert(path.to_owned(), reply);
    }

    /// How many requests came for a path.
    pub fn requests(&self, path: &str) -> usize {
        lock(&self.state)
            .requests
            .get(path)
            .copied()
            .unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(stream: TcpStream, state: &Mutex<State>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let (path, query) = read_request(&mut stream).await?;
    let reply = {
        let mut state = lock(state);
        *state.requests.entry(path.clone()).or_default() += 1;
        let replies = &state.replies;
        let found = replies.get(&format!("{path}?{query}"));
        let found = found.or_else(|| replies.get(&path)).cloned();
        found.unwrap_or_else(|| Reply::status(404))
    };
    let unending =
        "HTTP/1.1 200 OK\r\ncontent-type: application/activity+json\r\nconnection: close\r\n\r\n";
    match reply {
        Reply::Answer {
            status,
            media_type,
            body,
        } => {
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await?;
        }
        Reply::Redirect(to) => {
            let head = format!(
                "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await?;
        }
        Reply::Hang => std::future::pending().await,
        Reply::Endless => {
            stream.write_all(unending.as_bytes()).await?;
            stream.write_all(b"{\"name\":\"").await?;
            let block = vec![b'a'; 64 * 1024];
            loop {
                stream.write_all(&block).await?;
            }
        }
        Reply::Drip => {
            stream.write_all(unending.as_bytes()).await?;
            loop {
                stream.write_all(b" ").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    stream.shutdown().await?;
    Ok(())
}

/// Reads one request to its end; gives its path and its query, the latter decoded.
async fn read_request(stream: &mut BufReader<TcpStream>) -> Result<(String, String)> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let target = line.split_whitespace().nth(1).unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = percent_decode_str(query).decode_utf8_lossy().into_owned();
    let path = path.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        if stream.read_line(&mut header).await? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; length.min(MAX_BODY)];
    stream.read_exact(&mut body).await?;
    Ok((path, query))
}
