//! What other servers see: WebFinger, the actor, its inbox and collections, and the documents.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::Query;
use axum::extract::Request;
use axum::extract::State as Held;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::Server;
use crate::library::Library;
use crate::library::Scheme;
use crate::state::Local;
use crate::state::PUBLIC;
use crate::state::audience;
use crate::state::id_of;

/// The routes.
pub fn routes<L: Library>() -> Router<Arc<Server<L>>> {
    Router::new()
        .route("/.well-known/webfinger", get(webfinger::<L>))
        .route("/inbox", post(inbox::<L>))
        .route("/users/{name}/inbox", post(inbox::<L>))
        .route("/collections/{name}", get(collection::<L>))
        .fallback(document::<L>)
}

#[derive(Debug, Deserialize)]
struct Resource {
    resource: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    page: Option<usize>,
}

type Shared<L> = Held<Arc<Server<L>>>;

async fn webfinger<L: Library>(Held(server): Shared<L>, Query(asked): Query<Resource>) -> Response {
    if server.state.held().mode.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let settings = &server.state.settings;
    let Some(resource) = asked.resource else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let account = |local: &Local| format!("acct:{}@{}", local.name, settings.authority());
    let held = server.state.held();
    let mut actors = held.actors.values();
    let found = actors.find(|local| resource == account(local) || resource == local.id);
    let Some(local) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let account = account(local);
    let link = json!({ "rel": "self", "type": ACTIVITY, "href": local.id });
    let found = json!({ "subject": account, "links": [link] });
    answer("application/jrd+json", StatusCode::OK, &found)
}

async fn inbox<L: Library>(Held(server): Shared<L>, request: Request<Body>) -> Response {
    if server.state.held().mode.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1 << 20).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let kind = serde_json::from_slice::<Value>(&body).map(|sent| sent["type"].clone());
    match server
        .library
        .take(Request::from_parts(parts, Body::from(body)))
        .await
    {
        Ok(activity) => {
            server.state.held().received.push(activity.clone());
            act_on(server, activity);
            StatusCode::ACCEPTED.into_response()
        }
        Err(reason) => {
            let reason = format!("{reason:#}");
            let refused =
                json!({ "reason": reason, "type": kind.unwrap_or_default(), "status": 401 });
            server.state.held().refused.push(refused);
            (StatusCode::UNAUTHORIZED, reason).into_response()
        }
    }
}

fn act_on<L: Library>(server: Arc<Server<L>>, activity: Value) {
    let sender = id_of(&activity["actor"]).unwrap_or_default();
    match activity["type"].as_str() {
        Some("Follow") => {
            tokio::spawn(answer_follow(server, activity, sender));
        }
        Some("Undo") if activity["object"]["type"] == "Follow" => {
            let followed = id_of(&activity["object"]["object"]).unwrap_or_default();
            if let Some(local) = server.state.held().actors.get_mut(&followed) {
                local.followers.remove(&sender);
            }
        }
        _ => {}
    }
}

async fn answer_follow<L: Library>(server: Arc<Server<L>>, follow: Value, follower: String) {
    let state = &server.state;
    let followed = id_of(&follow["object"]).unwrap_or_default();
    if state.actor(&followed).is_none() {
        return;
    }
    let kind = match state.held().mode.accept_follows.as_str() {
        "manual" => return,
        "reject" => "Reject",
        _ => "Accept",
    };
    let by = state.settings.server();
    let fetched = server.library.fetch(&by, &follower, true).await;
    let inbox = fetched
        .ok()
        .and_then(|actor| id_of(&actor.document?["inbox"]));
    let Some(inbox) = inbox else {
        eprintln!("the follower {follower} cannot be fetched");
        return;
    };
    if kind == "Accept" {
        if let Some(local) = state.held().actors.get_mut(&followed) {
            local.followers.insert(follower.clone(), inbox.clone());
        }
    }
    let answer = json!({ "type": kind, "object": follow, "to": [follower] });
    if let Some(answer) = answer.as_object() {
        let answer = state.complete(&followed, answer);
        let delivered = server
            .library
            .deliver(&followed, &answer, &inbox, Scheme::Cavage)
            .await;
        if !delivered.is_taken() {
            eprintln!("{inbox} answered {delivered:?} to the {kind}");
        }
    }
}

async fn collection<L: Library>(
    Held(server): Shared<L>,
    Path(name): Path<String>,
    Query(asked): Query<Page>,
    request: Request<Body>,
) -> Response {
    let (parts, _) = request.into_parts();
    if server.state.held().mode.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if !may_fetch(&server, &parts).await {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let url = format!("{}/collections/{name}", server.state.settings.origin);
    let held = server.state.held();
    let Some((items, size)) = held.collections.get(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some(page) = asked.page else {
        let whole = json!({
            "@context": crate::state::context(), "id": url, "type": "OrderedCollection",
            "totalItems": items.len(), "first": format!("{url}?page=0"),
        });
        return answer(ACTIVITY, StatusCode::OK, &whole);
    };
    let start = page.saturating_mul(*size);
    let shown: Vec<&Value> = items.iter().skip(start).take(*size).collect();
    let mut built = json!({
        "@context": crate::state::context(), "id": format!("{url}?page={page}"),
        "type": "OrderedCollectionPage", "partOf": url, "orderedItems": shown,
    });
    if let (true, Some(fields)) = (
        start.saturating_add(*size) < items.len(),
        built.as_object_mut(),
    ) {
        fields.insert(
            "next".to_owned(),
            format!("{url}?page={}", page.saturating_add(1)).into(),
        );
    }
    answer(ACTIVITY, StatusCode::OK, &built)
}

async fn document<L: Library>(Held(server): Shared<L>, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    let url = format!("{}{}", server.state.settings.origin, parts.uri.path());
    if server.state.held().mode.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if url != server.state.settings.server() && !may_fetch(&server, &parts).await {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let items = |items: Vec<Value>| {
        let count = items.len();
        json!({
            "@context": crate::state::context(), "id": url, "type": "OrderedCollection",
            "totalItems": count, "orderedItems": items,
        })
    };
    if let Some(local) = server.state.actor(&url) {
        return answer(ACTIVITY, StatusCode::OK, &server.document(&local));
    }
    let (base, last) = url.rsplit_once('/').unwrap_or_default();
    match (server.state.actor(base), last) {
        (Some(local), "followers") => {
            let followers = local.followers.into_keys().map(Value::from);
            return answer(ACTIVITY, StatusCode::OK, &items(followers.collect()));
        }
        (Some(local), "outbox") => {
            let all = server.state.outbox(&local.id);
            return answer(ACTIVITY, StatusCode::OK, &items(all));
        }
        _ => {}
    }
    let found = server.state.held().documents.get(&url).cloned();
    match found {
        Some(document) if document["type"] == "Tombstone" => {
            answer(ACTIVITY, StatusCode::GONE, &document)
        }
        Some(document) if may_read(&server, &document, &parts).await => {
            answer(ACTIVITY, StatusCode::OK, &document)
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn may_fetch<L: Library>(server: &Server<L>, parts: &Parts) -> bool {
    let asked = server.state.held().mode.authorized_fetch;
    !asked || server.library.reader(parts).await.is_some()
}

/// What is addressed to some is for those alone.
async fn may_read<L: Library>(server: &Server<L>, document: &Value, parts: &Parts) -> bool {
    let audience = audience(document);
    if audience.is_empty() || audience.iter().any(|one| one == PUBLIC) {
        return true;
    }
    let reader = server.library.reader(parts).await;
    reader.is_some_and(|reader| audience.contains(&reader))
}

const ACTIVITY: &str = "application/activity+json";

fn answer(kind: &'static str, status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::VARY, "Accept, Signature"),
    ];
    (status, headers, body.to_string()).into_response()
}
