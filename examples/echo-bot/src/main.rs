//! Answers everybody who writes to it, in the order in which they write, with what they said.
//!
//! On one machine: `cargo run -p echo-bot -- 127.0.0.1:8080 http://127.0.0.1:8080 data`. Behind a
//! proxy that serves `https://example.org` give that as the origin, and write to
//! `@echo@example.org`. Answers wait in a durable queue: servers that are down get theirs later,
//! and killing the bot loses none. Ctrl-C stops it in order.
#![expect(missing_docs, reason = "the tables of diesel have no place for it")]

mod note;

use std::path::Path;

use anyhow::{Result, bail};
use axum::Router;
use axum::extract::{Path as PathOf, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use diesel::prelude::*;
use federation_core::federation::{Federation, HandlerError, KeyFolder, Message, Profile, Queue};
use federation_core::inbox::Verified;
use federation_core::store::sql::{Connection, Database, DatabaseError, DatabaseUrl};
use federation_core::vocab::{Activity, ActivityKind, ActorKind};
use tokio_util::sync::CancellationToken;

/// The name part of the bot's handle.
const NAME: &str = "echo";

const TABLE: &str = "CREATE TABLE IF NOT EXISTS answers \
    (id TEXT NOT NULL PRIMARY KEY, answered TEXT NOT NULL UNIQUE, document TEXT NOT NULL)";

diesel::table! {
    answers (id) {
        id -> Text,
        answered -> Text,
        document -> Text,
    }
}

fn receive(
    rows: &mut Connection,
    verified: &Verified,
    queue: &mut Queue,
) -> Result<(), HandlerError> {
    match verified.activity().kind {
        ActivityKind::Follow => Ok(queue.accept(verified)?),
        // Two bots that answer each other would never end.
        ActivityKind::Create if verified.actor().kind == ActorKind::Person => {
            answer(rows, verified, queue)
        }
        _ => Ok(()),
    }
}

/// Stores the answer and queues it, in the transaction that records what is answered.
fn answer(
    rows: &mut Connection,
    verified: &Verified,
    queue: &mut Queue,
) -> Result<(), HandlerError> {
    let me = queue.actor_id(NAME);
    let Some(heard) = verified.trusted_object() else {
        return Ok(());
    };
    let (Some(heard_id), true) = (heard.id.as_ref(), note::is_for(heard, &me)) else {
        return Ok(());
    };
    let earlier = answers::table.filter(answers::answered.eq(heard_id.as_str()));
    if earlier.count().get_result::<i64>(rows)? > 0 {
        return Ok(());
    }
    let author = verified.actor();
    let id = queue.new_id("/notes");
    let answer = note::answer(id.clone(), me.clone(), author, heard, queue.now());
    let row = (
        answers::id.eq(id.as_str()),
        answers::answered.eq(heard_id.as_str()),
        answers::document.eq(answer.to_value().to_string()),
    );
    diesel::insert_into(answers::table)
        .values(row)
        .execute(rows)?;
    let create = Activity::create(queue.activity_id(&me), me, answer);
    // Answers to one person arrive in the order of the questions.
    Ok(queue.send(
        Message::new(create)
            .to(author)
            .in_order_of(author.id.as_str()),
    )?)
}

/// Shows an answer to the one it was for: a signed GET by somebody else gets 404.
async fn show(
    State(federation): State<Federation<Database>>,
    PathOf(name): PathOf<String>,
    request: Parts,
) -> Response {
    note::show(&federation, &name, &request)
        .await
        .into_response()
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_env_filter("info").init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bind, origin, data] = arguments.as_slice() else {
        bail!("usage: echo-bot ADDRESS ORIGIN DIRECTORY")
    };
    let data = Path::new(data);
    let database = Database::open(DatabaseUrl::sqlite(data.join("echo.db"))).await?;
    let create = |rows: &mut Connection| Ok(diesel::sql_query(TABLE).execute(rows)?);
    database.write::<_, DatabaseError, _>(create).await?;
    let profile = Profile::service(NAME)?
        .named("Echo")
        .described("<p>I say what you say.</p>");
    let mut builder = Federation::builder(origin.parse()?, database.clone())
        .keys(KeyFolder::open(data.join("keys"))?)
        .actor(profile)
        .handler(receive);
    if origin.starts_with("http://") {
        builder = builder.on_loopback();
    }
    let federation = builder.build().await?;
    let notes = Router::new().route("/notes/{name}", get(show));
    let routes = notes
        .with_state(federation.clone())
        .merge(federation.router());
    let listener = tokio::net::TcpListener::bind(bind).await?;
    let shutdown = CancellationToken::new();
    let stopped = shutdown.clone();
    let serving = axum::serve(listener, routes).with_graceful_shutdown(async move {
        let _unheard = tokio::signal::ctrl_c().await;
        stopped.cancel();
    });
    let (served, ()) = tokio::join!(serving.into_future(), federation.run(shutdown));
    database.close().await;
    Ok(served?)
}
