//! A server made of `activitypub_federation`, the library of Lemmy. The library takes no URL whose
//! host is an IP address, so this server and all that it talks to need names, such as
//! `https://localhost:40001`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::RwLock;

use activitypub_federation::activity_sending::SendActivityTask;
use activitypub_federation::axum::inbox::ActivityData;
use activitypub_federation::axum::inbox::receive_activity;
use activitypub_federation::config::Data;
use activitypub_federation::config::FederationConfig;
use activitypub_federation::fetch::fetch_object_http;
use activitypub_federation::fetch::webfinger::webfinger_resolve_actor;
use activitypub_federation::http_signatures::generate_actor_keypair;
use activitypub_federation::protocol::verification::verify_domains_match;
use activitypub_federation::traits::Activity;
use activitypub_federation::traits::Actor;
use activitypub_federation::traits::Object;
use anyhow::Context as _;
use anyhow::Error;
use anyhow::Result;
use anyhow::anyhow;
use async_trait::async_trait;
use axum::body::Body;
use axum::extract::FromRequest as _;
use axum::extract::Request;
use axum::http::request::Parts;
use chrono::DateTime;
use chrono::Utc;
use interop_peers::library::Delivered;
use interop_peers::library::Failure;
use interop_peers::library::Fetched;
use interop_peers::library::Library;
use interop_peers::library::Scheme;
use interop_peers::serve;
use interop_peers::settings::Settings;
use interop_peers::state::State;
use interop_peers::state::id_of;
use interop_peers::state::listed;
use reqwest_middleware::ClientBuilder;
use reqwest_middleware::Middleware;
use reqwest_middleware::Next;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use url::Url;

const VERSION: &str = "0.7.0-beta.14";
const SOURCE: &str = "https://docs.rs/activitypub_federation/0.7.0-beta.14/";

/// The remote actors that were fetched, as an application's database would hold them.
type Known = Arc<Mutex<HashMap<Url, Person>>>;

/// An actor, remote or our own.
#[derive(Clone, Debug)]
struct Person {
    id: Url,
    inbox: Url,
    public_key: String,
    private_key: Option<String>,
    refreshed: DateTime<Utc>,
}

#[async_trait]
impl Object for Person {
    type DataType = Known;
    type Kind = Value;
    type Error = Error;

    fn id(&self) -> &Url {
        &self.id
    }

    fn last_refreshed_at(&self) -> Option<DateTime<Utc>> {
        Some(self.refreshed)
    }

    async fn read_from_id(id: Url, data: &Data<Known>) -> Result<Option<Self>> {
        let known = data.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(known.get(&id).cloned())
    }

    async fn into_json(self, _data: &Data<Known>) -> Result<Value> {
        Err(anyhow!("actors are shown by the routes"))
    }

    async fn verify(json: &Value, expected: &Url, _data: &Data<Known>) -> Result<()> {
        let id: Url = json["id"].as_str().context("no id")?.parse()?;
        Ok(verify_domains_match(&id, expected)?)
    }

    async fn from_json(json: Value, data: &Data<Known>) -> Result<Self> {
        let url = |value: &Value| -> Result<Url> { Ok(id_of(value).context("no URL")?.parse()?) };
        let key = listed(&json["publicKey"])
            .first()
            .map(|key| key["publicKeyPem"].clone());
        let person = Self {
            id: url(&json["id"])?,
            inbox: url(&json["inbox"])?,
            public_key: key.and_then(|key| id_of(&key)).context("no key")?,
            private_key: None,
            refreshed: Utc::now(),
        };
        let mut known = data.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(person.id.clone(), person.clone());
        Ok(person)
    }
}

impl Actor for Person {
    fn public_key_pem(&self) -> &str {
        &self.public_key
    }

    fn private_key_pem(&self) -> Option<String> {
        self.private_key.clone()
    }

    fn inbox(&self) -> Url {
        self.inbox.clone()
    }
}

/// Any activity.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Any {
    id: Url,
    actor: Url,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[async_trait]
impl Activity for Any {
    type DataType = Known;
    type Error = Error;

    fn id(&self) -> &Url {
        &self.id
    }

    fn actor(&self) -> &Url {
        &self.actor
    }

    async fn verify(&self, _data: &Data<Known>) -> Result<()> {
        Ok(())
    }

    async fn receive(self, _data: &Data<Known>) -> Result<()> {
        Ok(())
    }
}

tokio::task_local! {
    /// The status and media type that the library's client saw last.
    static SEEN: Arc<Mutex<Option<(u16, Option<String>)>>>;
}

/// Notes the statuses, which the library keeps to itself.
#[derive(Debug)]
struct Watch;

#[async_trait]
impl Middleware for Watch {
    async fn handle(
        &self,
        mut request: reqwest::Request,
        extensions: &mut axum::http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        // In its debug mode, which ports need, the library asks WebFinger without TLS.
        if request.url().scheme() == "http" {
            let mut url = request.url().clone();
            if url.set_scheme("https").is_ok() {
                *request.url_mut() = url;
            }
        }
        let response = next.run(request, extensions).await?;
        let kind = response
            .headers()
            .get("content-type")
            .and_then(|kind| kind.to_str().ok());
        let seen = (response.status().as_u16(), kind.map(str::to_owned));
        let noted =
            SEEN.try_with(|slot| *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen));
        // Requests that nobody watches are fine.
        noted.ok();
        Ok(response)
    }
}

/// Runs `work` and gives the last status and media type that it saw.
async fn watch<T>(work: impl Future<Output = T>) -> (T, Option<(u16, Option<String>)>) {
    let slot = Arc::default();
    let done = SEEN.scope(Arc::clone(&slot), work).await;
    let seen = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    (done, seen)
}

struct Federation {
    settings: Settings,
    own: RwLock<HashMap<String, Person>>,
    config: FederationConfig<Known>,
}

impl std::fmt::Debug for Federation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Federation")
    }
}

impl Federation {
    async fn new(settings: Settings) -> Result<Self> {
        let main = own(&settings.data, &settings.main(), false)?;
        let client = reqwest::Client::builder().no_proxy();
        let client = client.redirect(reqwest::redirect::Policy::none());
        let config = FederationConfig::builder()
            .domain(settings.authority())
            .app_data(Known::default())
            .client(ClientBuilder::new(client.build()?).with(Watch).build())
            // The only way to allow ports and loopback; signatures are verified all the same.
            .debug(true)
            .http_fetch_limit(1000)
            .http_signature_compat(true)
            .signed_fetch_actor(&main)
            .build()
            .await?;
        let own = RwLock::new(HashMap::from([(settings.main(), main)]));
        Ok(Self {
            settings,
            own,
            config,
        })
    }

    fn own(&self, actor: &str) -> Option<Person> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.get(actor).cloned()
    }

    fn data(&self) -> Data<Known> {
        self.config.to_request_data()
    }
}

fn own(folder: &Path, id: &str, fresh: bool) -> Result<Person> {
    let name = id.rsplit('/').next().unwrap_or_default();
    let (public, private) = (
        folder.join(format!("{name}-public.pem")),
        folder.join(format!("{name}-private.pem")),
    );
    if fresh || !private.exists() {
        let pair = generate_actor_keypair()?;
        fs::write(&public, pair.public_key)?;
        fs::write(&private, pair.private_key)?;
    }
    Ok(Person {
        id: id.parse()?,
        inbox: format!("{id}/inbox").parse()?,
        public_key: fs::read_to_string(public)?,
        private_key: Some(fs::read_to_string(private)?),
        refreshed: Utc::now(),
    })
}

#[async_trait]
impl Library for Federation {
    fn about(&self) -> Value {
        json!({
            "name": "activitypub_federation",
            "version": VERSION,
            "library": format!("activitypub_federation {VERSION}"),
            "schemes": ["cavage"],
            "supports": [
                "follow", "accept", "reject", "undo", "dm", "public", "followers_only", "reply", "mention", "edit",
                "delete", "like", "emoji_react", "announce", "flag", "block", "move", "poll", "attachment",
                "collection", "fetch", "profile", "publish", "manual_follows", "shared_inbox", "webfinger", "actor", "group",
            ],
            "unsupported": {
                "ip_origins": format!("the library refuses URLs whose host is an IP address (config.rs, verify_url_valid): {SOURCE}"),
                "rfc9421": "the library has draft-cavage alone: https://github.com/LemmyNet/lemmy/issues/6647",
                "double_knock": "the library has one signature scheme",
                "proofs": format!("the library has no integrity proofs: {SOURCE}"),
                "ld_signatures": format!("the library has no LD signatures: {SOURCE}"),
                "authorized_fetch": "its check of signed fetches, actix_web::signing_actor, has no twin for axum (src/actix_web/mod.rs)",
                "unsigned_fetch": "with signed_fetch_actor set, the library signs every fetch (config.rs)",
                "queue": "its queue is in memory and hides the statuses; this program sends while it is asked to",
                "rotate": "it goes on signing by the private key that it has sent with (config.rs, actor_pkey_cache)",
                "key_refresh": "an actor is fetched again after a day, in debug builds after 20 s, and not when a signature fails (fetch/object_id.rs, should_refetch_object)",
                "rotate_keep_old": "the library has one key for an actor (traits/mod.rs)",
                "followers_sync": format!("the library has nothing for FEP-8fcf: {SOURCE}"),
                "nodeinfo": format!("the library has nothing for NodeInfo: {SOURCE}"),
                "host_meta": format!("the library has nothing for host-meta: {SOURCE}"),
            },
        })
    }

    fn make_keys(&self, actor: &str, fresh: bool) -> Result<()> {
        let made = own(&self.settings.data, actor, fresh)?;
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        own.insert(actor.to_owned(), made);
        Ok(())
    }

    fn keys(&self, actor: &str) -> Map<String, Value> {
        let Some(own) = self.own(actor) else {
            return Map::new();
        };
        let key = json!({
            "id": format!("{actor}#main-key"), "owner": actor, "publicKeyPem": own.public_key,
        });
        Map::from_iter([("publicKey".to_owned(), key)])
    }

    async fn take(&self, request: Request<Body>) -> Result<Value> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await?;
        let request = Request::from_parts(parts, Body::from(body.clone()));
        let delivery = ActivityData::from_request(request, &()).await;
        let delivery = delivery.map_err(|_| anyhow!("the request could not be read"))?;
        receive_activity::<Any, Person, Known>(delivery, &self.data()).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    async fn reader(&self, _parts: &Parts) -> Option<String> {
        None
    }

    async fn deliver(&self, by: &str, activity: &Value, inbox: &str, _scheme: Scheme) -> Delivered {
        let send = async {
            let activity: Any = serde_json::from_value(activity.clone())?;
            let (data, own) = (self.data(), self.own(by).context("no such actor")?);
            let inboxes = vec![inbox.parse()?];
            let tasks = SendActivityTask::prepare(&activity, &own, inboxes, &data).await?;
            let task = tasks.first();
            let task = task.context("the library skips this inbox as invalid or its own")?;
            Ok::<_, Error>(task.sign_and_send(&data).await?)
        };
        let (sent, seen) = watch(send).await;
        let error = sent.err().filter(|_| seen.is_none());
        Delivered {
            status: seen.as_ref().map(|(status, _)| *status),
            error: error.map(|error| format!("{error:#}")),
        }
    }

    async fn fetch(&self, _by: &str, url: &str, signed: bool) -> Result<Fetched, Failure> {
        if !signed {
            let reason = "with signed_fetch_actor set, the library signs every fetch (config.rs)";
            return Err(Failure::Unsupported(reason.to_owned()));
        }
        let data = self.data();
        let url: Url = url.parse()?;
        let (got, seen) = watch(fetch_object_http::<_, Value>(&url, &data)).await;
        match (got, seen) {
            (Ok(found), Some((status, content_type))) => Ok(Fetched {
                status,
                document: Some(found.object),
                content_type,
            }),
            (Err(_), Some((status, content_type))) => Ok(Fetched {
                status,
                document: None,
                content_type,
            }),
            (Err(error), None) => Err(error.into()),
            (Ok(_), None) => Err(Failure::Failed("no request was made".to_owned())),
        }
    }

    async fn look_up(&self, handle: &str) -> Result<Option<String>, Failure> {
        let found: Person = webfinger_resolve_actor(handle, &self.data()).await?;
        Ok(Some(found.id.into()))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::read()?;
    let library = Federation::new(settings.clone()).await?;
    serve(Arc::new(State::new(settings)), library).await
}
