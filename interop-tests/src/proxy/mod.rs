//! A proxy between TLS and one server: it writes every exchange down, and spoils those that it is
//! told to.

pub mod message;
pub mod rule;

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use serde_json::Value;
use tokio::io::AsyncBufRead;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt as _;
use tokio::io::BufReader;
use tokio::io::copy_bidirectional;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_native_tls::TlsAcceptor;

use message::Message;
use message::read_body;
use message::read_head;
use rule::Fault;
use rule::Rule;

/// How many exchanges are kept; the oldest go first.
const KEPT: usize = 20_000;
/// How long a server may take to answer.
const ANSWER: Duration = Duration::from_secs(90);

/// A request, its answer, and what was done to them.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Counts from 0 in the order in which the requests came.
    pub number: usize,
    /// The request as it came.
    pub request: Message,
    /// What the sender got; `None` when the connection ended without an answer.
    pub answer: Option<Message>,
    /// How it was spoilt.
    pub fault: Option<Fault>,
    /// The JSON document in the request; null when there is none.
    pub document: Value,
    /// The same as text, without the ways in which others write JSON.
    pub said: String,
}

#[derive(Debug, Default)]
struct State {
    next: usize,
    exchanges: VecDeque<Exchange>,
    rules: Vec<Rule>,
    held: Vec<Held>,
    down: bool,
    /// Told when the server goes down or comes back.
    turned: Arc<Notify>,
}

/// A request that waits for the next one of its scenario to the same target.
#[derive(Debug)]
struct Held {
    about: String,
    request: Message,
}

impl Held {
    fn waits_for(&self, next: &Message) -> bool {
        self.request.target() == next.target() && mentions(&next.text(), &self.about)
    }
}

/// A running proxy; it ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 for what goes to the loopback port `backend`.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(backend: u16) -> Result<Self> {
        Self::listen(Ipv4Addr::LOCALHOST, backend, None).await
    }

    /// As [`Proxy::start`], on another address and with TLS of its own: then the heads are
    /// written down exactly as their senders wrote them.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn listen(address: Ipv4Addr, backend: u16, tls: Option<TlsAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind((address, 0)).await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                // A connection that breaks is the business of its two ends.
                tokio::spawn(async move {
                    match tls {
                        None => drop(serve(stream, backend, &shared).await),
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                drop(serve(stream, backend, &shared).await);
                            }
                        }
                    }
                });
            }
        });
        Ok(Self { port, state, task })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Adds a rule.
    pub fn spoil(&self, rule: Rule) {
        lock(&self.state).rules.push(rule);
    }

    /// Takes the rules of a scenario away.
    pub fn heal(&self, about: &str) {
        let mut state = lock(&self.state);
        state.rules.retain(|rule| rule.about != about);
        state.held.retain(|held| held.about != about);
        state.down = false;
    }

    /// Ends every connection from now on, as a server does that is not there; or no longer. Those
    /// that became something else than HTTP, such as event sockets and push streams, end at once.
    pub fn set_down(&self, down: bool) {
        let mut state = lock(&self.state);
        state.down = down;
        state.turned.notify_waiters();
    }

    /// The number that the next exchange gets.
    pub fn mark(&self) -> usize {
        lock(&self.state).next
    }

    /// The exchanges from the number `mark` on.
    pub fn since(&self, mark: usize) -> Vec<Exchange> {
        self.those(|one| one.number >= mark)
    }

    /// The exchanges that fit.
    pub fn those(&self, fits: impl Fn(&Exchange) -> bool) -> Vec<Exchange> {
        let state = lock(&self.state);
        state
            .exchanges
            .iter()
            .filter(|one| fits(one))
            .cloned()
            .collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether a text names a scenario, as its own words or in the name of an account, and not one
/// whose name has this name in it. An empty name is in every text.
pub fn mentions(text: &str, scenario: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric();
    [scenario.to_owned(), scenario.replace('-', "_")]
        .iter()
        .any(|name| {
            text.match_indices(name.as_str()).any(|(start, _)| {
                let (before, after) = text.split_at(start);
                let after = after.get(name.len()..).unwrap_or_default();
                name.is_empty() || !(before.ends_with(word) || after.starts_with(word))
            })
        })
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one connection until it ends.
async fn serve<S>(stream: S, backend: u16, state: &Mutex<State>) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut stream = BufReader::new(stream);
    while let Some(mut request) = read_head(&mut stream).await? {
        if request.header("upgrade").is_some() {
            if lock(state).down {
                return Ok(());
            }
            let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, backend)).await?;
            server.write_all(&request.head).await?;
            tokio::select! {
                copied = copy_bidirectional(&mut stream, &mut server) => {
                    copied?;
                }
                () = gone(state) => {}
            }
            return Ok(());
        }
        if request.header("expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        read_body(&mut stream, &mut request, false).await?;
        if request.target().starts_with("/control/") {
            stream
                .write_all(&Message::answer(404).framed(true, false))
                .await?;
            return Ok(());
        }
        let close = request.header("connection");
        let close = close.is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let head = request.method() == "HEAD";
        let Some(answer) = exchange(request, backend, state).await else {
            return Ok(());
        };
        let bodiless = head || matches!(answer.status(), 204 | 304);
        stream.write_all(&answer.framed(close, bodiless)).await?;
        stream.flush().await?;
        if close {
            return Ok(());
        }
    }
    Ok(())
}

/// Waits until the server is down.
async fn gone(state: &Mutex<State>) {
    let turned = Arc::clone(&lock(state).turned);
    loop {
        // Begun before the look, so that no turn between the two is missed.
        let turn = turned.notified();
        if lock(state).down {
            return;
        }
        turn.await;
    }
}

/// Passes one request on, or spoils it; gives the answer and writes both down.
async fn exchange(request: Message, backend: u16, state: &Mutex<State>) -> Option<Message> {
    let mut text = String::new();
    let (number, fault, late) = {
        let mut state = lock(state);
        let number = state.next;
        state.next += 1;
        let fault = if state.down {
            Some(Fault::Drop)
        } else {
            let mut rules = state.rules.iter_mut();
            let taken = rules.find_map(|rule| Some((rule.take(&request)?, rule.clone())));
            if let Some((Fault::Swap, rule)) = &taken {
                let (about, request) = (rule.about.clone(), request.clone());
                state.held.push(Held { about, request });
            }
            if let Some((fault, rule)) = taken {
                text = rule.contains;
                Some(fault)
            } else {
                None
            }
        };
        let mut late = Vec::new();
        if fault.is_none() && request.method() == "POST" {
            let held = std::mem::take(&mut state.held);
            let (go, stay): (Vec<_>, Vec<_>) =
                held.into_iter().partition(|held| held.waits_for(&request));
            state.held = stay;
            late = go;
        }
        (number, fault, late)
    };
    let document: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let said = document.to_string();
    let answer = spoilt(&request, fault, &text, backend).await;
    for held in late {
        // Its sender has been told 202 already.
        drop(forward(&held.request, backend).await);
    }
    let mut state = lock(state);
    if state.exchanges.len() == KEPT {
        state.exchanges.pop_front();
    }
    state.exchanges.push_back(Exchange {
        number,
        request,
        answer: answer.clone(),
        fault,
        document,
        said,
    });
    answer
}

async fn spoilt(
    request: &Message,
    fault: Option<Fault>,
    text: &str,
    backend: u16,
) -> Option<Message> {
    let answer = match fault {
        None => forward(request, backend).await,
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            forward(request, backend).await
        }
        Some(Fault::Corrupt) => forward(&rule::corrupt(request, text), backend).await,
        Some(Fault::Duplicate) => {
            let first = forward(request, backend).await;
            drop(forward(request, backend).await);
            first
        }
        Some(Fault::Refuse(status)) => return Some(Message::answer(status)),
        Some(Fault::Swallow | Fault::Swap) => return Some(Message::answer(202)),
        Some(Fault::Mute) => {
            drop(forward(request, backend).await);
            return None;
        }
        Some(Fault::Drop) => return None,
        Some(Fault::Cut) => {
            drop(half(request, backend).await);
            return None;
        }
    };
    Some(answer.unwrap_or_else(|_| Message::answer(502)))
}

async fn forward(request: &Message, backend: u16) -> Result<Message> {
    let asked = async {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, backend)).await?;
        let (read, mut write) = tokio::io::split(server);
        let mut read = BufReader::new(read);
        let bare = request.body.is_empty() && request.method() != "POST";
        let bytes = request.framed(true, bare);
        // A server may answer before it has read a body that it does not want.
        let sending = async {
            drop(write.write_all(&bytes).await);
            std::future::pending().await
        };
        tokio::select! {
            answer = read_answer(&mut read, request) => answer,
            never = sending => never,
        }
    };
    tokio::time::timeout(ANSWER, asked).await?
}

async fn read_answer<R>(server: &mut R, request: &Message) -> Result<Message>
where
    R: AsyncBufRead + Unpin,
{
    loop {
        let head = read_head(server).await?;
        let mut answer = head.context("the server gave no answer")?;
        if answer.status() == 100 {
            continue;
        }
        let bodiless = request.method() == "HEAD" || matches!(answer.status(), 204 | 304);
        if !bodiless {
            read_body(server, &mut answer, true).await?;
        }
        return Ok(answer);
    }
}

async fn half(request: &Message, backend: u16) -> Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, backend)).await?;
    let whole = request.framed(true, false);
    let kept = whole.len() - request.body.len() / 2;
    server
        .write_all(whole.get(..kept).unwrap_or_default())
        .await?;
    server.shutdown().await?;
    Ok(())
}
