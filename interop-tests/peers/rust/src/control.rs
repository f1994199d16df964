//! What a test asks a server to do. The proxy in front keeps these routes inside.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::Query;
use axum::extract::State as Held;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use chrono::Utc;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::Server;
use crate::library::Failure;
use crate::library::Library;
use crate::library::Scheme;
use crate::state::Local;
use crate::state::State;
use crate::state::id_of;
use crate::state::listed;

const ACTOR_TYPES: [&str; 5] = ["Application", "Group", "Organization", "Person", "Service"];

type Shared<L> = Held<Arc<Server<L>>>;
type Answer = Result<Json<Value>, Failure>;

/// The routes.
pub fn routes<L: Library>() -> Router<Arc<Server<L>>> {
    let router = Router::new()
        .route("/ready", get(ready::<L>))
        .route("/received", get(received::<L>))
        .route("/refused", get(refused::<L>))
        .route("/followers", get(followers::<L>))
        .route("/lookup", get(look_up::<L>))
        .route("/follow", post(follow::<L>))
        .route("/dm", post(dm::<L>))
        .route("/edit", post(edit::<L>))
        .route("/delete", post(delete::<L>))
        .route("/send", post(send::<L>))
        .route("/fetch", post(fetch::<L>))
        .route("/publish", post(publish::<L>))
        .route("/collection", post(collection::<L>))
        .route("/rotate", post(rotate::<L>))
        .route("/profile", post(profile::<L>))
        .route("/mode", post(mode::<L>))
        .route("/actor", post(actor::<L>));
    Router::new().nest("/control", router)
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, body) = match self {
            Self::Unsupported(reason) => (
                StatusCode::NOT_IMPLEMENTED,
                json!({ "unsupported": reason }),
            ),
            Self::Mistaken(reason) => (StatusCode::BAD_REQUEST, json!({ "error": reason })),
            Self::Failed(reason) => (StatusCode::BAD_GATEWAY, json!({ "error": reason })),
        };
        (status, Json(body)).into_response()
    }
}

async fn ready<L: Library>(Held(server): Shared<L>) -> Answer {
    let settings = &server.state.settings;
    let mut about = server.library.about();
    if let Some(fields) = about.as_object_mut() {
        fields.insert("actor".to_owned(), settings.main().into());
        let handle = format!("@{}@{}", settings.name, settings.authority());
        fields.insert("handle".to_owned(), handle.into());
    }
    Ok(Json(about))
}

#[derive(Debug, Deserialize)]
struct About {
    #[serde(default)]
    about: String,
}

async fn received<L: Library>(Held(server): Shared<L>, Query(asked): Query<About>) -> Answer {
    let all = server.state.held().received.clone();
    let fits = |one: &Value| one.to_string().replace('-', "_").contains(&asked.about);
    let items: Vec<Value> = all.into_iter().filter(fits).collect();
    Ok(Json(json!({ "items": items })))
}

async fn refused<L: Library>(Held(server): Shared<L>) -> Answer {
    Ok(Json(json!({ "items": server.state.held().refused })))
}

async fn followers<L: Library>(Held(server): Shared<L>, Query(asked): Query<Value>) -> Answer {
    let by = by(&server.state, &asked)?;
    let items: Vec<String> = by.followers.into_keys().collect();
    Ok(Json(json!({ "items": items })))
}

#[derive(Debug, Deserialize)]
struct Handle {
    handle: String,
}

async fn look_up<L: Library>(Held(server): Shared<L>, Query(asked): Query<Handle>) -> Answer {
    let found = server
        .library
        .look_up(asked.handle.trim_start_matches('@'))
        .await?;
    Ok(Json(json!({ "actor": found })))
}

async fn follow<L: Library>(Held(server): Shared<L>, Json(asked): Json<Value>) -> Answer {
    let (by, target) = (by(&server.state, &asked)?, text(&asked, "target")?);
    let follow = json!({ "type": "Follow", "object": target, "to": [target] });
    send_one(&server, &by.id, &target, &follow).await
}

async fn dm<L: Library>(Held(server): Shared<L>, Json(asked): Json<Value>) -> Answer {
    let (target, id) = (text(&asked, "target")?, server.state.new_id("notes"));
    let note = note(&server.state, &asked, &id, "published")?;
    let create = json!({ "type": "Create", "object": note, "to": [target] });
    let main = server.state.settings.main();
    let Json(mut sent) = send_one(&server, &main, &target, &create).await?;
    if let Some(fields) = sent.as_object_mut() {
        fields.insert("object".to_owned(), id.into());
    }
    Ok(Json(sent))
}

async fn edit<L: Library>(Held(server): Shared<L>, Json(asked): Json<Value>) -> Answer {
    let target = text(&asked, "target")?;
    let note = note(&server.state, &asked, &text(&asked, "object")?, "updated")?;
    let update = json!({ "type": "Update", "object": note, "to": [target] });
    send_one(&server, &server.state.settings.main(), &target, &update).await
}

async fn delete<L: Library>(Held(server): Shared<L>, Json(asked): Json<Value>) -> Answer {
    let (target, object) = (text(&asked, "target")?, text(&asked, "object")?);
    let gone = json!({ "type": "Tombstone", "id": object });
    let delete = json!({ "type": "Delete", "object": gone, "to": [target] });
    send_one(&server, &server.state.settings.main(), &target, &delete).await
}

async fn send<L: Library>(Held(server): Shared<L>, Json(asked): Json<Value>) -> Answer {
    let given = asked["activity"].as_object();
    let given = given.ok_or_else(|| Failure::Mistaken("no activity".to_owned()))?;
    let by = by(&server.state, &asked)?;
    let scheme = match asked["scheme"].as_str() {
        Some("rfc9421") => Scheme::Rfc9421,
        None | Some("cavage") => Scheme::Cavage,
        Some(other) => return Err(Failure::Mistaken(format!("unknown scheme {other}"))),
    };
    if asked["queued"] == true {
        return Err(lacks(&server, "queue"));
    }
    let schemes = &server.library.about()["schemes"];
    if !listed(schemes).into_iter().any(|one| one == scheme.name()) {
        return Err(lacks(&server, scheme.name()));
    }
    let activity = server.state.complete(&by.id, given);
    let inboxes = listed(&asked["inboxes"]).into_iter();
    let mut inboxes: Vec<String> = inboxes.filter_map(id_of).collect();
    for target in listed(&asked["targets"]).into_iter().filter_map(id_of) {
        if target == "followers" || target == format!("{}/followers", by.id) {
            inboxes.extend(by.followers.values().cloned());
        } else {
            inboxes.push(inbox_of(&server, &target, asked["shared"] == true).await?);
        }
    }
    accept_by_hand(&server, &by.id, &activity).await?;
    inboxes.sort();
    inboxes.dedup();
    let mut outcomes = Vec::new();
    for inbox in inboxes {
        let delivered = server
            .library
            .deliver(&by.id, &activity, &inbox, scheme)
            .await;
        outcomes.push(delivered.report(&inbox, scheme));
    }
    Ok(Json(json!({
        "activity": activity["id"], "object": id_of(&activity["object"]), "outcomes": outcomes,
    })))
}

async fn fetch<L: Library>(Held(server): Shared<L>, Json(asked): Json<Value>) -> Answer {
    let signed = asked["signed"] != false;
    let (main, url) = (server.state.settings.main(), text(&asked, "url")?);
    let fetched = server.library.fetch(&main, &url, signed).await?;
    Ok(Json(json!({
        "status": fetched.status, "document": fetched.document, "content_type": fetched.content_type,
    })))
}

async fn publish<L: Library>(Held(server): Shared<L>, Json(asked): Json<Value>) -> Answer {
    let given = asked.get("object").or_else(|| asked.get("activity"));
    let mut document = given
        .cloned()
        .ok_or_else(|| Failure::Mistaken("no object".to_owned()))?;
    if let Some(fields) = document.as_object_mut() {
        fields
            .entry("id")
            .or_insert_with(|| server.state.new_id("objects").into());
    }
    server.state.keep(&document);
    let id = id_of(&document).unwrap_or_default();
    if !server.state.held().documents.contains_key(&id) {
        return Err(Failure::Mistaken(format!("{id} is not under this origin")));
    }
    Ok(Json(json!({ "id": id })))
}

async fn collection<L: Library>(Held(server): Shared<L>, Json(asked): Json<Value>) -> Answer {
    let name = text(&asked, "name")?;
    let items = listed(&asked["items"]).into_iter().cloned().collect();
    let size = asked["page_size"]
        .as_u64()
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(10)
        .max(1);
    let id = format!("{}/collections/{name}", server.state.settings.origin);
    server.state.held().collections.insert(name, (items, size));
    Ok(Json(json!({ "id": id })))
}

async fn rotate<L: Library>(Held(server): Shared<L>, Json(asked): Json<Value>) -> Answer {
    let by = by(&server.state, &asked)?;
    if asked["keep_old"] == true {
        return Err(lacks(&server, "rotate_keep_old"));
    }
    let supports = &server.library.about()["supports"];
    if !listed(supports).into_iter().any(|one| one == "rotate") {
        return Err(lacks(&server, "rotate"));
    }
    server.library.make_keys(&by.id, true)?;
    Ok(Json(
        json!({ "key": server.library.keys(&by.id)["publicKey"]["id"] }),
    ))
}

async fn profile<L: Library>(Held(server): Shared<L>, Json(asked): Json<Value>) -> Answer {
    let mut by = by(&server.state, &asked)?;
    for (field, new) in [
        (&mut by.shown, &asked["name"]),
        (&mut by.summary, &asked["summary"]),
    ] {
        if let Some(new) = new.as_str() {
            new.clone_into(field);
        }
    }
    server.state.held().actors.insert(by.id.clone(), by.clone());
    let to = format!("{}/followers", by.id);
    let update = json!({ "type": "Update", "object": server.document(&by), "to": [to] });
    let asked = json!({ "as": by.id, "activity": update, "targets": ["followers"] });
    send(Held(server), Json(asked)).await
}

async fn mode<L: Library>(Held(server): Shared<L>, Json(asked): Json<Value>) -> Answer {
    let supports = &server.library.about()["supports"];
    let can = listed(supports)
        .into_iter()
        .any(|one| one == "authorized_fetch");
    if asked["authorized_fetch"] == true && !can {
        return Err(lacks(&server, "authorized_fetch"));
    }
    let mut held = server.state.held();
    for (key, value) in asked.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("authorized_fetch", Value::Bool(wanted)) => held.mode.authorized_fetch = *wanted,
            ("down", Value::Bool(wanted)) => held.mode.down = *wanted,
            ("accept_follows", Value::String(wanted)) => {
                held.mode.accept_follows.clone_from(wanted)
            }
            _ => return Err(Failure::Mistaken(format!("unknown mode {key}: {value}"))),
        }
    }
    let mode = &held.mode;
    Ok(Json(json!({
        "authorized_fetch": mode.authorized_fetch, "accept_follows": mode.accept_follows, "down": mode.down,
    })))
}

async fn actor<L: Library>(Held(server): Shared<L>, Json(asked): Json<Value>) -> Answer {
    let (name, kind) = (text(&asked, "name")?, text(&asked, "type")?);
    if !ACTOR_TYPES.contains(&kind.as_str()) {
        return Err(Failure::Mistaken(format!("{kind} is no actor type")));
    }
    let local = tokio::task::block_in_place(|| server.add(&name, &kind))?;
    let handle = format!("@{name}@{}", server.state.settings.authority());
    Ok(Json(json!({ "actor": local.id, "handle": handle })))
}

async fn send_one<L: Library>(
    server: &Server<L>,
    by: &str,
    target: &str,
    activity: &Value,
) -> Answer {
    let given = activity.as_object().cloned().unwrap_or_default();
    let activity = server.state.complete(by, &given);
    let inbox = inbox_of(server, target, false).await?;
    let delivered = server
        .library
        .deliver(by, &activity, &inbox, Scheme::Cavage)
        .await;
    if !delivered.is_taken() {
        return Err(Failure::Failed(format!("{inbox} answered {delivered:?}")));
    }
    Ok(Json(
        json!({ "activity": activity["id"], "object": id_of(&activity["object"]) }),
    ))
}

async fn inbox_of<L: Library>(
    server: &Server<L>,
    actor: &str,
    shared: bool,
) -> Result<String, Failure> {
    let by = server.state.settings.server();
    let fetched = server.library.fetch(&by, actor, true).await?;
    let document = fetched.document.unwrap_or_default();
    let own = id_of(&document["inbox"]);
    let common = if shared {
        id_of(&document["endpoints"]["sharedInbox"])
    } else {
        None
    };
    common.or(own).ok_or_else(|| {
        Failure::Failed(format!(
            "{actor} answered {} and has no inbox",
            fetched.status
        ))
    })
}

/// An Accept that was asked for makes the follower one.
async fn accept_by_hand<L: Library>(
    server: &Server<L>,
    by: &str,
    activity: &Value,
) -> Result<(), Failure> {
    let follow_id = id_of(&activity["object"]);
    let follower = {
        let held = server.state.held();
        let is_it = |one: &&Value| one["type"] == "Follow" && id_of(one) == follow_id;
        held.received
            .iter()
            .find(is_it)
            .and_then(|follow| id_of(&follow["actor"]))
    };
    if let ("Accept", Some(follower)) = (activity["type"].as_str().unwrap_or_default(), follower) {
        let inbox = inbox_of(server, &follower, false).await?;
        if let Some(local) = server.state.held().actors.get_mut(by) {
            local.followers.insert(follower, inbox);
        }
    }
    Ok(())
}

/// The actor that something is asked of: the first one unless another is named.
fn by(state: &State, asked: &Value) -> Result<Local, Failure> {
    let id = asked["as"]
        .as_str()
        .map_or_else(|| state.settings.main(), str::to_owned);
    let found = state.actor(&id);
    found.ok_or_else(|| Failure::Mistaken(format!("no actor of this server is {id}")))
}

/// What the library lacks, in its own words.
fn lacks<L: Library>(server: &Server<L>, what: &str) -> Failure {
    let reason = server.library.about()["unsupported"][what].clone();
    Failure::Unsupported(id_of(&reason).unwrap_or_else(|| format!("there is no {what}")))
}

fn note(state: &State, asked: &Value, id: &str, time: &str) -> Result<Value, Failure> {
    let target = text(asked, "target")?;
    let note = json!({
        "type": "Note", "id": id, "attributedTo": state.settings.main(), "content": text(asked, "content")?,
        "to": [target], "tag": [{ "type": "Mention", "href": target }], time: Utc::now().to_rfc3339(),
    });
    Ok(note)
}

fn text(asked: &Value, name: &str) -> Result<String, Failure> {
    let given = asked[name].as_str().map(str::to_owned);
    given.ok_or_else(|| Failure::Mistaken(format!("{name} is missing")))
}
