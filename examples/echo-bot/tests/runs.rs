//! Runs the bot and speaks to it: it answers people, in their order, also after it was killed, and
//! shows an answer to nobody else.
#![cfg(test)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use axum::{Json, Router};
use federation_core::signature::{Algorithm, PrivateKey, Scheme, SigningKey, sign_request};
use federation_core::{Clock as _, SystemClock};
use http::Method;
use serde_json::{Value, json};
use url::Url;

/// How long an answer may take: to a server that was away it is sent again later.
const PATIENCE: Duration = Duration::from_mins(2);

/// What somebody has heard, and whether they are away.
#[derive(Clone, Debug, Default)]
struct Ear {
    heard: Arc<Mutex<Vec<Value>>>,
    is_away: Arc<Mutex<bool>>,
}

/// A person, or a bot, on a server of this test.
struct Somebody {
    id: Url,
    key: SigningKey,
    ear: Ear,
}

impl Somebody {
    async fn start(kind: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let id = format!("http://{}/alice", listener.local_addr().unwrap());
        let id: Url = id.parse().unwrap();
        let key = PrivateKey::generate(Algorithm::RsaSha256).unwrap();
        let key_id = format!("{id}#main-key");
        let document = json!({
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": id, "type": kind, "preferredUsername": "alice",
            "inbox": format!("{id}/inbox"), "outbox": format!("{id}/outbox"),
            "publicKey": {
                "id": key_id, "owner": id, "publicKeyPem": key.public_key().to_pem().unwrap(),
            },
        });
        let show = get(async move || {
            let media_type = [(CONTENT_TYPE, "application/activity+json")];
            (media_type, document.to_string())
        });
        let ear = Ear::default();
        let routes = Router::new()
            .route("/alice", show)
            .route("/alice/inbox", post(hear))
            .with_state(ear.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let key = SigningKey::new(key_id.parse().unwrap(), key);
        Self { id, key, ear }
    }

    /// Sends a signed request; the status and text of the answer.
    async fn ask(&self, method: Method, url: &Url, body: Option<String>) -> (u16, String) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (now, bytes) = (SystemClock.now(), body.as_deref().map(str::as_bytes));
        let headers = sign_request(Scheme::Cavage, &self.key, &method, url, bytes, now);
        let request = http
            .request(method, url.clone())
            .headers(headers.unwrap())
            .header(CONTENT_TYPE, "application/activity+json")
            .body(body.unwrap_or_default());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Tells the bot a note, which it acknowledges.
    async fn say(&self, bot: &Bot, number: usize) {
        let (note, echo) = (format!("{}/notes/{number}", self.id), bot.at("/users/echo"));
        let body = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": format!("{note}/create"), "type": "Create", "actor": self.id, "to": [echo],
            "object": {"id": note, "type": "Note", "attributedTo": self.id, "to": [echo],
                "content": format!("<p>word <b>{number}</b></p>")},
        });
        let body = Some(body.to_string());
        let (status, text) = self.ask(Method::POST, &bot.at("/inbox"), body).await;
        assert_eq!(status, 202, "{text}");
    }

    /// Waits until so many answers have come.
    async fn hears(&self, count: usize) -> Vec<Value> {
        let all = async {
            while self.ear.heard.lock().unwrap().len() < count {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, all).await;
        in_time.expect("the bot answers");
        self.ear.heard.lock().unwrap().clone()
    }
}

async fn hear(State(ear): State<Ear>, Json(activity): Json<Value>) -> StatusCode {
    if *ear.is_away.lock().unwrap() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let mut heard = ear.heard.lock().unwrap();
    // A delivery whose acknowledgement is lost is sent again, as the same activity.
    if !heard.iter().any(|known| known["id"] == activity["id"]) {
        heard.push(activity);
    }
    StatusCode::ACCEPTED
}

struct Bot {
    child: Child,
    address: String,
}

impl Bot {
    async fn start(address: Option<String>, data: &Path) -> Self {
        let address = address.unwrap_or_else(|| {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().to_string()
        });
        let child = Command::new(env!("CARGO_BIN_EXE_echo-bot"))
            .args([&address, &format!("http://{address}")])
            .arg(data)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self { child, address }
    }

    fn at(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    /// Ends it as `kill -9` does; gives the address to start it at again.
    fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::take(&mut self.address)
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn answers_people_in_order_and_shows_the_answer_to_them_alone() {
    let data = tempfile::tempdir().unwrap();
    let (alice, bob) = (
        Somebody::start("Person").await,
        Somebody::start("Person").await,
    );
    let bot = Bot::start(None, data.path()).await;
    for number in 0..20 {
        alice.say(&bot, number).await;
    }
    let heard = alice.hears(20).await;
    for (number, create) in heard.iter().enumerate() {
        let note = &create["object"];
        assert_eq!(note["content"], format!("<p>word {number}</p>"));
        assert_eq!(note["inReplyTo"], format!("{}/notes/{number}", alice.id));
    }
    let id: Url = heard[0]["object"]["id"].as_str().unwrap().parse().unwrap();
    let (status, shown) = alice.ask(Method::GET, &id, None).await;
    assert_eq!(status, 200, "{shown}");
    assert_eq!(bob.ask(Method::GET, &id, None).await.0, 404);
}

#[tokio::test]
async fn an_answer_survives_the_bot_and_the_absence_of_its_reader() {
    let data = tempfile::tempdir().unwrap();
    let alice = Somebody::start("Person").await;
    *alice.ear.is_away.lock().unwrap() = true;
    let mut bot = Bot::start(None, data.path()).await;
    for number in 0..6 {
        alice.say(&bot, number).await;
        // Killed with the answer queued, or under way, or refused by who is away.
        bot = Bot::start(Some(bot.kill()), data.path()).await;
    }
    *alice.ear.is_away.lock().unwrap() = false;
    let heard = alice.hears(6).await;
    for (number, create) in heard.iter().enumerate() {
        assert_eq!(create["object"]["content"], format!("<p>word {number}</p>"));
    }
}

#[tokio::test]
async fn bots_are_not_answered() {
    let data = tempfile::tempdir().unwrap();
    let (robot, alice) = (
        Somebody::start("Service").await,
        Somebody::start("Person").await,
    );
    let bot = Bot::start(None, data.path()).await;
    robot.say(&bot, 0).await;
    alice.say(&bot, 0).await;
    alice.hears(1).await;
    assert!(robot.ear.heard.lock().unwrap().is_empty());
}
