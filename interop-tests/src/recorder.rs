//! Turns what the proxies wrote down into fixtures: one file per request and answer, the keys, and
//! the day.
//!
//! The layout is that of `federation-core/tests/fixtures/captures/README.md`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use anyhow::Result;
use serde_json::Value;

use crate::case::now;
use crate::case::status;
use crate::hostile::ACTIVITY_JSON;
use crate::pair::Pair;
use crate::proxy::Exchange;
use crate::results::evidence::kind;

/// How many exchanges of one kind are kept.
const OF_A_KIND: usize = 2;

/// Keys by id, a newer one after an older.
type Keys = BTreeMap<String, Vec<String>>;

/// Writes the exchanges of a pair that nobody spoilt into `folder`, beside what is there.
///
/// # Errors
/// When a file cannot be written.
pub async fn write(pair: &Pair, folder: &Path) -> Result<()> {
    let (subject, peer) = (pair.subject.name(), pair.peer.name());
    let mut keys = read_keys(folder)?;
    for (sender, receiver, all) in [
        (subject, peer, pair.peer.proxy.since(0)),
        (peer, subject, pair.subject.proxy.since(0)),
    ] {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for one in all.iter().filter(|one| one.fault.is_none()) {
            collect_keys(one, &mut keys);
            let by_sender = is_by(one, &sender_origin(pair, sender));
            if let Some(name) = file_name(one, by_sender, receiver) {
                let count = counts.entry(name.clone()).or_default();
                *count += 1;
                if *count > OF_A_KIND {
                    continue;
                }
                let side = if by_sender { sender } else { receiver };
                let place = if by_sender { "sent" } else { "served" };
                let path = folder.join(side).join(place);
                fs::create_dir_all(&path)?;
                let base = path.join(format!("{name}_{count}"));
                put(&base, "request", &[&one.request.head, &one.request.body])?;
                if let Some(answer) = &one.answer {
                    put(&base, "response", &[&answer.head, &answer.body])?;
                }
            }
        }
    }
    let ids: BTreeSet<String> = named_keys(pair);
    for id in ids
        .iter()
        .filter(|id| !keys.contains_key(*id))
        .cloned()
        .collect::<Vec<_>>()
    {
        if let Some(document) = fetch(pair, &id).await {
            add_keys(&document, &mut keys);
        }
    }
    fs::write(
        folder.join("keys.json"),
        format!("{}\n", serde_json::to_string_pretty(&keys)?),
    )?;
    let about = serde_json::json!({ "at": now() });
    fs::write(folder.join("recorded.json"), format!("{about}\n"))?;
    Ok(())
}

fn sender_origin(pair: &Pair, sender: &str) -> String {
    if sender == pair.subject.name() {
        pair.subject.origin()
    } else {
        pair.peer.origin()
    }
}

/// Whether a request is a server's own: signed with a key of its origin.
fn is_by(one: &Exchange, origin: &str) -> bool {
    key_id(one).is_some_and(|id| id.starts_with(origin))
}

/// The key that a request names.
fn key_id(one: &Exchange) -> Option<String> {
    for (header, start) in [("signature-input", "keyid=\""), ("signature", "keyId=\"")] {
        if let Some(value) = one.request.header(header)
            && let Some((_, rest)) = value.split_once(start)
        {
            return rest.split('"').next().map(str::to_owned);
        }
    }
    None
}

fn file_name(one: &Exchange, by_sender: bool, receiver: &str) -> Option<String> {
    let scheme = match crate::results::evidence::scheme(one) {
        "RFC 9421" => "rfc9421",
        "draft-cavage" => "cavage",
        _ => "unsigned",
    };
    let status = status(one);
    if one.request.method() == "POST" {
        // What was forged is no capture of a server.
        return by_sender.then(|| {
            let kind = kind(one).replace(" of ", "-").replace(' ', "-");
            format!("{kind}_to-{receiver}_{scheme}_{status}")
        });
    }
    if status != 200 {
        return None;
    }
    let document: Value = serde_json::from_slice(&one.answer.as_ref()?.body).ok()?;
    if one.request.target().starts_with("/.well-known/webfinger") {
        return Some("webfinger".to_owned());
    }
    let kind = document["type"].as_str()?;
    Some(if by_sender {
        format!("GET-{kind}_to-{receiver}_{scheme}_{status}")
    } else {
        format!("document-{kind}")
    })
}

fn put(base: &Path, end: &str, parts: &[&[u8]]) -> Result<()> {
    let path = base.with_file_name(format!(
        "{}.{end}.http",
        base.file_name()
            .and_then(|name| name.to_str())
            .context("no name")?
    ));
    fs::write(&path, parts.concat()).with_context(|| format!("cannot write {}", path.display()))
}

fn read_keys(folder: &Path) -> Result<Keys> {
    fs::create_dir_all(folder)?;
    match fs::read(folder.join("keys.json")) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(_) => Ok(Keys::new()),
    }
}

fn named_keys(pair: &Pair) -> BTreeSet<String> {
    let to_subject = pair.subject.proxy.since(0).into_iter();
    let all = to_subject.chain(pair.peer.proxy.since(0));
    let own = [pair.subject.origin(), pair.peer.origin()];
    all.filter_map(|one| key_id(&one))
        .filter(|id| own.iter().any(|origin| id.starts_with(origin)))
        .collect()
}

async fn fetch(pair: &Pair, id: &str) -> Option<Value> {
    let request = pair.subject.http().get(id).header("accept", ACTIVITY_JSON);
    request.send().await.ok()?.json().await.ok()
}

fn collect_keys(one: &Exchange, keys: &mut Keys) {
    let Some(answer) = &one.answer else { return };
    if let Ok(document) = serde_json::from_slice::<Value>(&answer.body) {
        add_keys(&document, keys);
    }
}

fn add_keys(document: &Value, keys: &mut Keys) {
    let listed = match &document["publicKey"] {
        Value::Array(all) => all.clone(),
        Value::Null => vec![document.clone()],
        one => vec![one.clone()],
    };
    for key in listed {
        let (Some(id), Some(pem)) = (key["id"].as_str(), key["publicKeyPem"].as_str()) else {
            continue;
        };
        let known = keys.entry(id.to_owned()).or_default();
        if !known.iter().any(|one| one == pem) {
            known.push(pem.to_owned());
        }
    }
}
