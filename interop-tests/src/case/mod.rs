//! One scenario on one pair: an account of the subject's, an actor of the peer's, and what they
//! do to each other.

mod account;
mod remote;

use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::HeaderMap;
use serde_json::Value;
use serde_json::json;

use crate::adapter::template::Values;
use crate::fail;
use crate::hostile::ACTIVITY_JSON;
use crate::outcome::Outcome;
use crate::outcome::Stop;
use crate::pair::Pair;
use crate::proxy::Exchange;
use crate::proxy::Proxy;
use crate::proxy::message::Message;
use crate::proxy::rule::Rule;

pub use account::Account;
pub use remote::Remote;

/// How long an effect may take to show.
pub const PATIENCE: Duration = Duration::from_secs(45);
/// Between two looks whether it shows, at first; it grows.
const PAUSE: Duration = Duration::from_millis(30);
/// The longest between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);
/// Everybody, as an audience.
pub const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

/// A scenario while it runs.
#[derive(Debug)]
pub struct Case<'a> {
    /// Who takes part.
    pub pair: &'a Pair,
    /// The scenario's name; names and texts are made from it, so that scenarios do not meet.
    pub name: &'static str,
}

impl<'a> Case<'a> {
    /// Has a proxy spoil what a rule says, until the scenario is over.
    pub fn spoil(&self, proxy: &Proxy, rule: Rule) {
        let about = self.name.to_owned();
        proxy.spoil(Rule { about, ..rule });
    }

    /// A text that no other scenario uses.
    pub fn text(&self, what: &str) -> String {
        format!("{what} of {}", self.name)
    }

    /// Opens an account of the subject; `who` keeps several apart.
    ///
    /// # Errors
    /// When the subject refuses.
    pub async fn account(&'a self, who: &str) -> Outcome<Account<'a>> {
        let name = format!("{who}_{}", self.name.replace('-', "_"));
        let about = self.name.replace('-', "_");
        let asked = Values::from([
            ("name".to_owned(), Value::from(name)),
            ("about".to_owned(), Value::from(about)),
        ]);
        let values = self.pair.subject.perform("create_account", &asked).await?;
        let text = |name: &str| {
            let value = values.get(name).and_then(Value::as_str).map(str::to_owned);
            value.with_context(|| format!("create_account captured no {name}"))
        };
        let (actor, handle) = (text("actor")?, text("handle")?);
        Ok(Account {
            case: self,
            values,
            actor,
            handle,
        })
    }

    /// A new actor of the peer's, or its only one.
    ///
    /// # Errors
    /// When the peer fails.
    pub async fn remote(&'a self, who: &str) -> Outcome<Remote<'a>> {
        let name = format!("{who}_{}", self.name.replace('-', "_"));
        let (id, handle) = match self.pair.control.actor(&name, "Person").await {
            Ok(made) => made,
            Err(Stop::NotApplicable(_)) => {
                let text = |name: &str| self.pair.ready[name].as_str().unwrap_or_default();
                (text("actor").to_owned(), text("handle").to_owned())
            }
            Err(failed) => return Err(failed),
        };
        Ok(Remote {
            case: self,
            id,
            handle,
        })
    }

    /// A new actor of the peer's, of a type that its only one may not have.
    ///
    /// # Errors
    /// When the peer cannot make one, or fails.
    pub async fn remote_of(&'a self, who: &str, kind: &str) -> Outcome<Remote<'a>> {
        let name = format!("{who}_{}", self.name.replace('-', "_"));
        let (id, handle) = self.pair.control.actor(&name, kind).await?;
        Ok(Remote {
            case: self,
            id,
            handle,
        })
    }

    /// What arrived at one of the two, as their proxies wrote it down: activities of a type that
    /// contain all of `parts`.
    pub fn wire(&self, proxy: &Proxy, kind: &str, parts: &[&str]) -> Vec<Exchange> {
        proxy.those(|one| {
            is_a(&one.document, kind) && parts.iter().all(|part| one.said.contains(part))
        })
    }

    /// Waits until the subject has taken an activity of a type that contains all of `parts`.
    ///
    /// # Errors
    /// When it does not in time; the message has its last answer.
    pub async fn subject_takes(&self, kind: &str, parts: &[&str]) -> Outcome<Exchange> {
        let proxy = &self.pair.subject.proxy;
        let taken = settle(async || {
            let all = self.wire(proxy, kind, parts);
            Ok(all
                .into_iter()
                .find(|one| (200..300).contains(&status(one))))
        });
        if let Some(one) = taken.await? {
            return Ok(one);
        }
        match self.wire(proxy, kind, parts).last() {
            Some(last) => fail!("the subject answered {} to the {kind}", status(last)),
            None => fail!("no {kind} came to the subject"),
        }
    }

    /// The answer to a GET of either server, as anybody gets it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, url: &str, accept: &str) -> Outcome<(u16, HeaderMap, Value)> {
        let request = self.pair.subject.http().get(url).header("accept", accept);
        let answer = request.send().await.with_context(|| url.to_owned())?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap_or_default();
        Ok((
            status,
            headers,
            serde_json::from_str(&text).unwrap_or(Value::Null),
        ))
    }

    /// A document as anybody gets it from either server.
    ///
    /// # Errors
    /// When there is none.
    pub async fn document(&self, url: &str) -> Outcome<Value> {
        let request = self
            .pair
            .subject
            .http()
            .get(url)
            .header("accept", ACTIVITY_JSON);
        let answer = request.send().await.with_context(|| url.to_owned())?;
        let status = answer.status();
        if status == 401 && url.starts_with(&self.pair.peer.origin()) {
            // A peer that shows its documents to those alone who sign can sign itself.
            let asked = json!({ "url": url, "signed": true });
            let fetched = self.pair.control.post("fetch", &asked).await?;
            return Ok(fetched["document"].clone());
        }
        if !status.is_success() {
            fail!("{url} gave {status}");
        }
        Ok(answer
            .json()
            .await
            .with_context(|| format!("{url} is no JSON"))?)
    }
}

/// What the actions that say something are given: a text, its audience, and its mentions.
pub fn said(text: &str, to: &[&str]) -> Value {
    let mention = |href: &&str| json!({ "type": "Mention", "href": href });
    let mentions: Vec<Value> = to.iter().map(mention).collect();
    json!({ "content": text, "to": to, "mentions": mentions, "now": now() })
}

/// The time, as activities have it.
#[expect(
    clippy::disallowed_methods,
    reason = "a document for a real server needs the real time"
)]
pub fn now() -> String {
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// The status of an exchange; 0 when it had no answer.
pub fn status(one: &Exchange) -> u16 {
    one.answer.as_ref().map_or(0, Message::status)
}

/// Whether a document contains all of `parts`, as JSON writes them.
pub fn contains(document: &Value, parts: &[&str]) -> bool {
    let text = document.to_string();
    parts.iter().all(|part| text.contains(part))
}

/// Whether a document is of a type.
pub fn is_a(document: &Value, kind: &str) -> bool {
    match &document["type"] {
        Value::Array(kinds) => kinds.iter().any(|one| one == kind),
        one => one == kind,
    }
}

/// Asks again until there is something, or [`PATIENCE`] is over.
///
/// # Errors
/// When `probe` fails.
pub async fn settle<T>(mut probe: impl AsyncFnMut() -> Outcome<Option<T>>) -> Outcome<Option<T>> {
    let end = tokio::time::Instant::now() + PATIENCE;
    let mut pause = PAUSE;
    loop {
        if let Some(found) = probe().await? {
            return Ok(Some(found));
        }
        if tokio::time::Instant::now() > end {
            return Ok(None);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

fn quoted(parts: &[&str]) -> String {
    let quoted: Vec<String> = parts.iter().map(|part| format!("{part:?}")).collect();
    quoted.join(" and ")
}
