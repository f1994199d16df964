//! A peer that sends signed activities as fast as it can: most of them messages to a member, some
//! altered on the way, some signed by another key.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use federation_core::signature::{Algorithm, PrivateKey, SigningKey};
use futures_util::StreamExt as _;
use http::HeaderMap;
use reqwest::Client;
use serde_json::json;
use url::Url;

use crate::node::Node;
use crate::peer::{Peer, inbox, sign};

/// Requests that are signed beforehand, so that the machine is the node's while it is flooded. They
/// begin again when they are through.
const PREPARED: usize = 40_000;
/// Requests under way at once.
const AT_ONCE: usize = 32;
/// One of so many is altered after it was signed, and another one signed by a wrong key.
const ONE_IN: usize = 8;

/// A request that is ready to be sent.
pub(crate) struct Ready {
    headers: HeaderMap,
    body: Bytes,
}

/// Signs messages of the peer to a member.
pub(crate) fn prepare(peer: &Peer, at: &Node, reader: &str) -> Vec<Ready> {
    let (author, url) = (peer.actor(), inbox(at));
    let reader = at.url(&format!("/users/{reader}"));
    let key_id = peer.key().key_id().clone();
    let wrong = SigningKey::new(key_id, PrivateKey::generate(Algorithm::Ed25519).unwrap());
    let one = |number: usize| {
        let note = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": format!("{author}/{number}/create"), "type": "Create", "actor": author,
            "to": [reader],
            "object": {
                "id": format!("{author}/{number}"), "type": "Note", "attributedTo": author,
                "content": format!("<p>Have you heard? {number}</p>"), "to": [reader],
                "tag": [{"type": "Mention", "href": reader}],
            },
        });
        let mut body = note.to_string();
        let key = if number % ONE_IN == 1 {
            &wrong
        } else {
            peer.key()
        };
        let headers = sign(key, &url, &body);
        if number % ONE_IN == 2 {
            body = body.replace("Have you heard?", "Have you hoard?");
        }
        Ready {
            headers,
            body: body.into(),
        }
    };
    (0..PREPARED).map(one).collect()
}

/// A flood that goes on until it is stopped, in a thread of its own.
pub(crate) struct Flood {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Tally>,
}

impl Flood {
    /// Begins, from the address of a peer.
    pub(crate) fn start(node: &Node, from: Ipv4Addr, ready: Arc<Vec<Ready>>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (url, over) = (inbox(node), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(pour(url, from, ready, over))
        });
        Self { is_over, thread }
    }

    /// Ends it; answers what it was answered.
    pub(crate) fn stop(self) -> Tally {
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

async fn pour(url: Url, from: Ipv4Addr, ready: Arc<Vec<Ready>>, over: Arc<AtomicBool>) -> Tally {
    let client = Client::builder().no_proxy().local_address(IpAddr::V4(from));
    let client = client.build().unwrap();
    let numbers = (0..ready.len()).cycle();
    let sending = numbers
        .take_while(move |_| !over.load(Ordering::SeqCst))
        .map(move |number| send(client.clone(), url.clone(), Arc::clone(&ready), number));
    let answers = futures_util::stream::iter(sending).buffer_unordered(AT_ONCE);
    let count = |mut tally: Tally, status: u16| {
        *tally.0.entry(status).or_default() += 1;
        std::future::ready(tally)
    };
    answers.fold(Tally::default(), count).await
}

/// Sends one; answers the status, 0 when there was none.
async fn send(client: Client, url: Url, ready: Arc<Vec<Ready>>, number: usize) -> u16 {
    let Ready { headers, body } = &ready[number];
    let request = client.post(url).headers(headers.clone()).body(body.clone());
    let Ok(answer) = request.send().await else {
        return 0;
    };
    let status = answer.status().as_u16();
    let _whole = answer.bytes().await;
    status
}

/// How often a flood was answered with which status.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<u16, usize>);

impl Tally {
    /// How often it was this one.
    pub(crate) fn of(&self, status: u16) -> usize {
        self.0.get(&status).copied().unwrap_or_default()
    }

    /// Adds those of another flood.
    pub(crate) fn add(&mut self, other: Self) {
        for (status, count) in other.0 {
            *self.0.entry(status).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: usize = self.0.values().sum();
        write!(formatter, "{total} requests")?;
        for (status, count) in &self.0 {
            write!(formatter, ", {count} answered {status}")?;
        }
        Ok(())
    }
}
