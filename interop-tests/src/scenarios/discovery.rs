//! Finding people and servers: WebFinger, NodeInfo, host-meta, and media types.

use anyhow::Context as _;
use serde_json::Value;

use super::Theme;
use super::scenario;
use crate::case::Case;
use crate::fail;
use crate::hostile::ACTIVITY_JSON;
use crate::outcome::Outcome;
use crate::outcome::Stop;
use crate::require;

const LD_JSON: &str = "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"";

pub(super) const THEME: Theme = Theme {
    name: "Discovery",
    scenarios: &[
        scenario!(short "webfinger-handle", webfinger,
            "WebFinger of the handle names the actor", "RFC 7033 s4"),
        scenario!(
            "webfinger-actor",
            webfinger_actor,
            "WebFinger of the actor's id, where it answers, names handle and actor",
            "RFC 7033 s4.1, s4.4"
        ),
        scenario!(
            "webfinger-unknown",
            webfinger_unknown,
            "nobody is found by a name that nobody has",
            "RFC 7033 s4.2"
        ),
        scenario!(
            "webfinger-malformed",
            webfinger_malformed,
            "a query without a resource is refused with 400",
            "RFC 7033 s4.2"
        ),
        scenario!(
            "webfinger-cors",
            webfinger_cors,
            "pages of others may ask",
            "RFC 7033 s5"
        ),
        scenario!(
            "lookup-in",
            lookup_in,
            "the peer's client finds the subject's account by its handle",
            "RFC 7033 s4"
        ),
        scenario!(
            "nodeinfo",
            nodeinfo,
            "NodeInfo is linked and names software and protocol",
            "FEP-f1d5"
        ),
        scenario!(
            "host-meta",
            host_meta,
            "host-meta, when there is one, leads to WebFinger",
            "RFC 6415 s2"
        ),
        scenario!(
            "media-types",
            media_types,
            "the actor is given for both media types of ActivityPub, with such a type",
            "ActivityPub s3.2"
        ),
        scenario!(
            "vary-accept",
            vary_accept,
            "caches are told that the answer depends on Accept",
            "RFC 9110 s12.5.5"
        ),
    ],
};

async fn finger(case: &Case<'_>, query: &str) -> Outcome<(u16, reqwest::header::HeaderMap, Value)> {
    let url = format!(
        "{}/.well-known/webfinger{query}",
        case.pair.subject.origin()
    );
    case.get(&url, "application/jrd+json").await
}

fn own_link(document: &Value) -> Option<&str> {
    let links = document["links"].as_array()?;
    let own = |link: &&Value| {
        let kind = link["type"].as_str().unwrap_or_default();
        link["rel"] == "self" && (kind == ACTIVITY_JSON || kind.starts_with("application/ld+json"))
    };
    links.iter().find(own)?["href"].as_str()
}

async fn webfinger(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let acct = alice.handle.trim_start_matches('@');
    let (status, headers, document) = finger(case, &format!("?resource=acct:{acct}")).await?;
    require!(status == 200, "the answer is {status}");
    let kind = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    require!(
        kind.starts_with("application/jrd+json"),
        "its media type is {kind:?}"
    );
    require!(
        own_link(&document) == Some(&*alice.actor),
        "its links are {}",
        document["links"]
    );
    require!(
        document["subject"] == format!("acct:{acct}"),
        "its subject is {}",
        document["subject"]
    );
    Ok(())
}

async fn webfinger_actor(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let (status, _, document) = finger(case, &format!("?resource={}", alice.actor)).await?;
    if status == 404 {
        let reason = "it has nothing for an https: resource (RFC 7033 s4.2 leaves that to it)";
        return Err(Stop::lacks(case.pair.subject.name(), reason));
    }
    require!(status == 200, "the answer is {status}");
    let acct = format!("acct:{}", alice.handle.trim_start_matches('@'));
    let aliases = document["aliases"].as_array();
    let alias = aliases.is_some_and(|all| all.iter().any(|one| *one == *acct));
    require!(
        document["subject"] == acct || alias,
        "its subject is {}, its aliases are {}",
        document["subject"],
        document["aliases"]
    );
    require!(
        own_link(&document) == Some(&*alice.actor),
        "its links are {}",
        document["links"]
    );
    Ok(())
}

async fn webfinger_unknown(case: &Case<'_>) -> Outcome {
    let query = format!(
        "?resource=acct:nobody-at-all@{}",
        case.pair.subject.authority()
    );
    let (status, ..) = finger(case, &query).await?;
    require!(status == 404, "the answer is {status}");
    Ok(())
}

async fn webfinger_malformed(case: &Case<'_>) -> Outcome {
    let (status, ..) = finger(case, "").await?;
    require!(status == 400, "the answer is {status}");
    Ok(())
}

async fn webfinger_cors(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let acct = alice.handle.trim_start_matches('@');
    let (_, headers, _) = finger(case, &format!("?resource=acct:{acct}")).await?;
    let allowed = headers.get("access-control-allow-origin");
    require!(
        allowed.is_some_and(|value| value == "*"),
        "the header is {allowed:?}"
    );
    Ok(())
}

async fn lookup_in(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let handle: String = url::form_urlencoded::byte_serialize(alice.handle.as_bytes()).collect();
    let found = case
        .pair
        .control
        .get(&format!("lookup?handle={handle}"))
        .await?;
    require!(
        found["actor"] == alice.actor,
        "the peer finds {}",
        found["actor"]
    );
    Ok(())
}

async fn nodeinfo(case: &Case<'_>) -> Outcome {
    let url = format!("{}/.well-known/nodeinfo", case.pair.subject.origin());
    let (status, _, links) = case.get(&url, "application/json").await?;
    require!(status == 200, "/.well-known/nodeinfo answers {status}");
    let schema = "http://nodeinfo.diaspora.software/ns/schema/2.";
    let all = links["links"].as_array().cloned().unwrap_or_default();
    let fits = |link: &&Value| {
        link["rel"]
            .as_str()
            .is_some_and(|rel| rel.starts_with(schema))
    };
    let link = all.iter().find(fits).and_then(|link| link["href"].as_str());
    let link = link.with_context(|| format!("no link to version 2: {links}"))?;
    let document = case.document(link).await?;
    let name = document["software"]["name"].as_str().unwrap_or_default();
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    require!(
        !name.is_empty() && name.chars().all(fine),
        "the software is called {name:?}"
    );
    require!(
        document["protocols"].to_string().contains("activitypub"),
        "the protocols are {}",
        document["protocols"]
    );
    Ok(())
}

async fn host_meta(case: &Case<'_>) -> Outcome {
    let url = format!("{}/.well-known/host-meta", case.pair.subject.origin());
    let answer = case
        .pair
        .subject
        .http()
        .get(&url)
        .send()
        .await
        .context("no answer")?;
    if answer.status() == 404 {
        let reason = "it has no host-meta, which WebFinger made optional (RFC 7033 s1)";
        return Err(Stop::lacks(case.pair.subject.name(), reason));
    }
    let text = answer.text().await.context("the answer broke off")?;
    require!(
        text.contains("lrdd") && text.contains("{uri}"),
        "it has no template: {text}"
    );
    Ok(())
}

async fn media_types(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    for accept in [ACTIVITY_JSON, LD_JSON] {
        let (status, headers, document) = case.get(&alice.actor, accept).await?;
        require!(status == 200, "{accept} gives {status}");
        require!(
            document["id"] == alice.actor,
            "{accept} gives {}",
            document["id"]
        );
        let kind = headers
            .get("content-type")
            .and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let fine = kind.starts_with(ACTIVITY_JSON)
            || (kind.starts_with("application/ld+json") && kind.contains("activitystreams"));
        require!(fine, "{accept} gives the media type {kind:?}");
    }
    Ok(())
}

async fn vary_accept(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let (_, headers, _) = case.get(&alice.actor, ACTIVITY_JSON).await?;
    let vary = headers.get_all("vary");
    let all: Vec<&str> = vary
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let named = all.join(",").to_ascii_lowercase();
    if !named.contains("accept") {
        fail!("Vary is {named:?}");
    }
    Ok(())
}
