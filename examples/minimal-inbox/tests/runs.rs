//! Runs the program, sends it notes with proof, without, and again and again, and kills it
//! (`kill -9`) all the while: each note that it acknowledged is stored once and answered once.
#![cfg(test)]

use std::collections::HashMap;
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
use federation_core::store::sql::{Connection, Database, DatabaseError, DatabaseUrl};
use federation_core::{Clock as _, SystemClock};
use http::Method;
use serde_json::{Value, json};
use url::Url;

/// How often the program is killed; `FOLKMOOT_TEST_KILLS` says otherwise.
const KILLS: u64 = 8;
/// How long everything may take to settle.
const PATIENCE: Duration = Duration::from_mins(2);

/// What others have sent to alice: how often each object was liked, by activity id.
type Likes = Arc<Mutex<HashMap<String, Vec<String>>>>;

/// A person on a server of this test.
struct Alice {
    id: Url,
    key: SigningKey,
    likes: Likes,
    http: reqwest::Client,
}

impl Alice {
    /// Serves alice's document and her inbox.
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let id = format!("http://{}/alice", listener.local_addr().unwrap());
        let id: Url = id.parse().unwrap();
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
        let show = get(async move || {
            let media_type = [(CONTENT_TYPE, "application/activity+json")];
            (media_type, document.to_string())
        });
        let likes = Likes::default();
        let routes = Router::new()
            .route("/alice", show)
            .route("/alice/inbox", post(note_like))
            .with_state(Arc::clone(&likes));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self {
            id,
            key: SigningKey::new(key_id.parse().unwrap(), key),
            likes,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    fn note(&self, number: u64) -> String {
        let note = format!("{}/notes/{number}", self.id);
        json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": format!("{note}/create"), "type": "Create", "actor": self.id,
            "object": {"id": note, "type": "Note", "attributedTo": self.id, "content": "Hello"},
        })
        .to_string()
    }

    /// Posts `sent` signed as `signed`; the status, `None` when nobody answers.
    async fn post(&self, inbox: &Url, signed: Option<&str>, sent: String) -> Option<u16> {
        let mut request = self.http.post(inbox.clone());
        if let Some(signed) = signed {
            let (now, body) = (SystemClock.now(), Some(signed.as_bytes()));
            let headers = sign_request(Scheme::Cavage, &self.key, &Method::POST, inbox, body, now);
            request = request.headers(headers.unwrap());
        }
        let request = request.header(CONTENT_TYPE, "application/activity+json");
        let answer = request.body(sent).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// Posts a note until it is acknowledged.
    async fn insist(&self, inbox: &Url, number: u64) {
        let note = self.note(number);
        while self.post(inbox, Some(&note), note.clone()).await != Some(202) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn note_like(State(likes): State<Likes>, Json(like): Json<Value>) -> StatusCode {
    let text = |name: &str| like[name].as_str().unwrap_or_default().to_owned();
    if text("type") == "Like" {
        let mut likes = likes.lock().unwrap();
        likes.entry(text("object")).or_default().push(text("id"));
    }
    StatusCode::ACCEPTED
}

/// The program on a port and a directory that it keeps over its lives.
struct Program {
    child: Child,
    address: String,
    data: tempfile::TempDir,
}

impl Program {
    async fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let data = tempfile::tempdir().unwrap();
        let child = Self::spawn(&address, data.path());
        let program = Self {
            child,
            address,
            data,
        };
        program.ready().await;
        program
    }

    fn spawn(address: &str, data: &Path) -> Child {
        Command::new(env!("CARGO_BIN_EXE_minimal-inbox"))
            .args([address, &format!("http://{address}")])
            .arg(data)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    async fn ready(&self) {
        while tokio::net::TcpStream::connect(&self.address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = Self::spawn(&self.address, self.data.path());
        self.ready().await;
    }

    fn inbox(&self) -> Url {
        format!("http://{}/users/inbox/inbox", self.address)
            .parse()
            .unwrap()
    }

    /// How many rows it has stored, once it no longer runs.
    async fn stored(&mut self) -> i64 {
        use diesel::RunQueryDsl as _;
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let path = self.data.path().join("inbox.db");
        let database = Database::open(DatabaseUrl::sqlite(path)).await.unwrap();
        let count = |rows: &mut Connection| {
            let count = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM notes");
            Ok::<i64, DatabaseError>(count.get_result(rows)?)
        };
        database.read(count).await.unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn takes_what_is_proved_alone() {
    let (alice, mut program) = (Alice::start().await, Program::start().await);
    let (inbox, note) = (program.inbox(), alice.note(1));
    assert_eq!(alice.post(&inbox, None, note.clone()).await, Some(401));
    let altered = note.replace("Hello", "Goodbye");
    assert_eq!(alice.post(&inbox, Some(&note), altered).await, Some(401));
    assert_eq!(
        alice.post(&inbox, Some(&note), note.clone()).await,
        Some(202)
    );
    assert_eq!(
        alice.post(&inbox, Some(&note), note.clone()).await,
        Some(202)
    );
    assert_eq!(program.stored().await, 1);
}

#[tokio::test]
async fn i1_i2_stores_and_answers_once_whenever_it_is_killed() {
    let kills = std::env::var_os("FOLKMOOT_TEST_KILLS");
    let kills = kills.and_then(|kills| kills.to_str()?.parse().ok());
    let kills: u64 = kills.unwrap_or(KILLS);
    let (alice, mut program) = (Alice::start().await, Program::start().await);
    let alice = Arc::new(alice);
    let (done, is_done) = tokio::sync::watch::channel(false);
    let senders: Vec<_> = (0..4_u64)
        .map(|sender| {
            let (alice, inbox, is_done) = (Arc::clone(&alice), program.inbox(), is_done.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                while !*is_done.borrow() {
                    let number = sender + 4 * u64::try_from(acknowledged.len()).unwrap();
                    // Twice at once, as impatient servers do.
                    tokio::join!(alice.insist(&inbox, number), alice.insist(&inbox, number));
                    acknowledged.push(number);
                }
                acknowledged
            })
        })
        .collect();
    for kill in 0..kills {
        tokio::time::sleep(Duration::from_millis(150 + 37 * (kill % 7))).await;
        program.kill_and_restart().await;
    }
    done.send(true).unwrap();
    let mut acknowledged = Vec::new();
    for sender in senders {
        acknowledged.extend(sender.await.unwrap());
    }
    assert!(acknowledged.len() > 20, "only {} notes", acknowledged.len());

    let all_answered = async {
        loop {
            let answered = alice.likes.lock().unwrap().len();
            if answered >= acknowledged.len() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_answered)
        .await
        .expect("every note is answered");
    for number in &acknowledged {
        let likes = alice.likes.lock().unwrap();
        let ids = &likes[&format!("{}/notes/{number}", alice.id)];
        // A delivery whose acknowledgement is lost is sent again, as the same activity.
        assert!(
            ids.iter().all(|id| *id == ids[0]),
            "answered twice: {ids:?}"
        );
    }
    let answers = alice.likes.lock().unwrap().len();
    assert_eq!(i64::try_from(answers).unwrap(), program.stored().await);
    assert_eq!(answers, acknowledged.len());
    println!("{kills} kills, {answers} notes stored once and answered once");
}
