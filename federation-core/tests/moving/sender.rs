//! Another server with one actor, alice, who asks to follow bob and hears whether he accepts.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use federation_core::signature::{Algorithm, PrivateKey, Scheme, SigningKey, sign_request};
use federation_core::{Clock as _, SystemClock};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::app::Served;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Default)]
struct Heard {
    accepts: Arc<Mutex<HashSet<String>>>,
    last_get: Arc<Mutex<HeaderMap>>,
}

pub(crate) struct Sender {
    id: Url,
    key: SigningKey,
    heard: Heard,
}

impl Sender {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let id: Url = format!("http://localhost:{port}/users/alice")
            .parse()
            .unwrap();
        let key = PrivateKey::generate(Algorithm::RsaSha256).unwrap();
        let key_id = format!("{id}#main-key");
        let document = json!({
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": id, "type": "Person", "preferredUsername": "alice",
            "inbox": format!("{id}/inbox"), "outbox": format!("{id}/outbox"),
            "publicKey": {
                "id": key_id, "owner": id, "publicKeyPem": key.public_key().to_pem().unwrap(),
            },
        });
        let heard = Heard::default();
        let show = get(
            async move |State(heard): State<Heard>, headers: HeaderMap| {
                *heard.last_get.lock().unwrap() = headers;
                let media_type = [(CONTENT_TYPE, "application/activity+json")];
                (media_type, document.to_string())
            },
        );
        let routes = Router::new()
            .route("/users/alice", show)
            .route("/users/alice/inbox", post(hear))
            .with_state(heard.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self {
            id,
            key: SigningKey::new(key_id.parse().unwrap(), key),
            heard,
        }
    }

    pub(crate) fn id(&self) -> &Url {
        &self.id
    }

    pub(crate) fn inbox(&self) -> Url {
        format!("{}/inbox", self.id).parse().unwrap()
    }

    pub(crate) fn last_get_was_signed(&self) -> bool {
        self.heard
            .last_get
            .lock()
            .unwrap()
            .contains_key("signature")
    }

    fn body(&self, server: &Served, number: u32) -> String {
        json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": format!("{}/follows/{number}", self.id), "type": "Follow",
            "actor": self.id, "object": server.bob(),
        })
        .to_string()
    }

    /// Asks to follow bob, signed as servers sign.
    pub(crate) async fn follow(&self, server: &Served, number: u32) -> StatusCode {
        let (inbox, body) = (server.inbox(), self.body(server, number));
        let (now, bytes) = (SystemClock.now(), Some(body.as_bytes()));
        let headers = sign_request(Scheme::Cavage, &self.key, &Method::POST, &inbox, bytes, now);
        post_to(inbox, headers.unwrap(), body).await
    }

    /// The same with a signature that covers the digest and nothing else.
    pub(crate) async fn follow_by_digest_alone(&self, server: &Served, number: u32) -> StatusCode {
        let (inbox, body) = (server.inbox(), self.body(server, number));
        let (now, bytes) = (SystemClock.now(), Some(body.as_bytes()));
        let signed = sign_request(Scheme::Cavage, &self.key, &Method::POST, &inbox, bytes, now);
        let mut headers = signed.unwrap();
        let digest = headers["digest"].to_str().unwrap().to_owned();
        let signature = self.key.key().sign(format!("digest: {digest}").as_bytes());
        let signature = STANDARD.encode(signature.unwrap());
        let key_id = self.key.key_id();
        let header = format!(
            "keyId=\"{key_id}\",algorithm=\"hs2019\",headers=\"digest\",signature=\"{signature}\""
        );
        headers.insert("signature", HeaderValue::try_from(header).unwrap());
        post_to(inbox, headers, body).await
    }

    /// Waits until so many follows are accepted.
    pub(crate) async fn accepted(&self, count: usize) -> usize {
        let all = async {
            while self.heard.accepts.lock().unwrap().len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all)
            .await
            .expect("bob accepts");
        self.heard.accepts.lock().unwrap().len()
    }
}

async fn post_to(inbox: Url, headers: HeaderMap, body: String) -> StatusCode {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(inbox).headers(headers);
    let request = request.header(CONTENT_TYPE, "application/activity+json");
    request.body(body).send().await.unwrap().status()
}

async fn hear(
    State(heard): State<Heard>,
    headers: HeaderMap,
    Json(activity): Json<Value>,
) -> StatusCode {
    if activity["type"] == "Accept" && headers.contains_key("signature") {
        let id = activity["id"].as_str().unwrap_or_default().to_owned();
        heard.accepts.lock().unwrap().insert(id);
    }
    StatusCode::ACCEPTED
}
