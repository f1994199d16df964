//! How many messages a second the server takes, each on the disk before it is answered, from 64
//! members at once.
//!
//! `cargo bench -p node --bench sends`. PostgreSQL is measured when `FOLKMOOT_TEST_POSTGRES` names
//! a server; `FOLKMOOT_TEST_SENDS` says another number of messages for each member than 50.
//! Absolute figures are those of the machine and its disk.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark prints its table, takes its size from the environment and stops at a failure"
)]

use std::time::{Duration, Instant};

use diesel::prelude::*;
use federation_core::store::sql::{Backend, Connection, DatabaseError};
use federation_core::testing::{TEST_POSTGRES, TestDatabase};
use folkmoot::app::{App, listen};
use folkmoot::base::ids::{SessionId, UserId};
use folkmoot::communities;
use folkmoot::config::{Config, Secret};
use serde_json::json;

/// Members who write at once.
const MEMBERS: usize = 64;
/// Messages of each that are not measured.
const WARM_UP: usize = 5;
/// The channel they write in.
const CHANNEL: &str = "00000000-0000-7000-b000-000000000001";

fn main() {
    let each = std::env::var("FOLKMOOT_TEST_SENDS");
    let each: usize = each.map_or(50, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    println!("| | members | sends | a second | p50 | p99 |");
    println!("|---|---|---|---|---|---|");
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if backend == Backend::Postgres && std::env::var_os(TEST_POSTGRES).is_none() {
            println!("{backend}: set {TEST_POSTGRES} to measure it");
            continue;
        }
        runtime.block_on(measure(backend, each));
    }
}

async fn measure(backend: Backend, each: usize) {
    let test = TestDatabase::create(backend);
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config {
        data_dir: directory.path().to_owned(),
        ..Config::default()
    };
    config.server.bind = ([127, 0, 0, 1], 0).into();
    config.database.url = Some(Secret::new(test.url_text()));
    let listener = listen(&config).await.unwrap();
    let app = App::start(config, listener).await.unwrap();
    settle(&app).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let address = app.address();
    let url = format!("http://{address}/api/v1/channels/{CHANNEL}/messages");
    let now = app.ctx().now();
    let tokens = &app.parts().auth.tokens;
    let issue = |number| tokens.issue(member(number), session(number), None, now);
    let tokens: Vec<String> = (0..MEMBERS).map(|number| issue(number).unwrap()).collect();
    let mut spent = Vec::new();
    let mut took = Duration::ZERO;
    for (sends, counts) in [(WARM_UP, false), (each, true)] {
        let started = Instant::now();
        let mut writers = tokio::task::JoinSet::new();
        for token in &tokens {
            writers.spawn(write(http.clone(), url.clone(), token.clone(), sends));
        }
        let times = writers.join_all().await;
        if counts {
            took = started.elapsed();
            spent = times.into_iter().flatten().collect();
        }
    }
    spent.sort();
    let count = spent.len();
    let (p50, p99) = (spent[count / 2], spent[count * 99 / 100]);
    let sends = u32::try_from(count).unwrap();
    let rate = f64::from(sends) / took.as_secs_f64();
    println!("| {backend} | {MEMBERS} | {count} | {rate:.0} | {p50:.1?} | {p99:.1?} |");
    app.stop().await;
}

/// Sends messages one after the other; answers how long each took.
async fn write(http: reqwest::Client, url: String, token: String, sends: usize) -> Vec<Duration> {
    let mut spent = Vec::with_capacity(sends);
    for number in 0..sends {
        let body =
            json!({"content": format!("message {number}, of about as many words as people write")});
        let request = http.post(&url).bearer_auth(&token).json(&body);
        let started = Instant::now();
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let _whole = answer.bytes().await.unwrap();
        spent.push(started.elapsed());
    }
    spent
}

fn member(number: usize) -> UserId {
    format!("00000000-0000-7000-9000-{number:012x}")
        .parse()
        .unwrap()
}

fn session(number: usize) -> SessionId {
    format!("00000000-0000-7000-8000-{number:012x}")
        .parse()
        .unwrap()
}

/// Makes the members with their sessions, and a channel of the community that all are in.
async fn settle(app: &App) {
    let ends = app.ctx().now().plus(Duration::from_hours(24)).as_millis();
    let write = move |connection: &mut Connection| {
        let community = communities::store::default(connection)?.map(|main| main.id);
        let community = community.ok_or(DatabaseError::Malformed { what: "community" })?;
        let mut statements = vec![format!(
            "INSERT INTO channels (id, kind, name, community_id, created_at) \
             VALUES ('{CHANNEL}', 'text', 'room', '{community}', 0)"
        )];
        for number in 0..MEMBERS {
            let (member, session) = (member(number), session(number));
            statements.push(format!(
                "INSERT INTO users (id, username, actor_uri, search_key, display_name, bio, role, \
                 created_at, updated_at) VALUES ('{member}', 'u{number}', \
                 'http://moot.example/users/u{number}', 'u{number}', '', '', 'user', 0, 0)"
            ));
            statements.push(format!(
                "INSERT INTO sessions (id, user_id, user_agent, created_at, last_used_at, \
                 expires_at) VALUES ('{session}', '{member}', 'bench', 0, 0, {ends})"
            ));
        }
        for statement in statements {
            diesel::sql_query(statement).execute(connection)?;
        }
        Ok::<_, DatabaseError>(())
    };
    app.ctx().db().write(write).await.unwrap();
}
