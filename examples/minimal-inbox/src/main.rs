//! Stores every note that reaches it, answers each with a like, accepts followers, and survives
//! `kill -9` at any moment: what it has acknowledged is stored once and answered once.
//!
//! On one machine: `cargo run -p minimal-inbox -- 127.0.0.1:8080 http://127.0.0.1:8080 data`.
//! Behind a proxy that serves `https://example.org` give that as the origin; the handle is then
//! `@inbox@example.org`.
#![expect(missing_docs, reason = "the tables of diesel have no place for it")]

use std::path::Path;

use anyhow::{Result, bail};
use diesel::prelude::*;
use federation_core::federation::{Federation, HandlerError, KeyFolder, Message, Profile, Queue};
use federation_core::inbox::Verified;
use federation_core::store::sql::{Connection, Database, DatabaseError, DatabaseUrl};
use federation_core::vocab::{Activity, ActivityKind};
use tokio_util::sync::CancellationToken;

diesel::table! {
    notes (id) {
        id -> Text,
        author -> Text,
        content -> Text,
    }
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS notes \
    (id TEXT NOT NULL PRIMARY KEY, author TEXT NOT NULL, content TEXT NOT NULL)";

/// Runs in the transaction that records the activity: all of it is kept, or nothing.
fn receive(
    rows: &mut Connection,
    verified: &Verified,
    queue: &mut Queue,
) -> Result<(), HandlerError> {
    match verified.activity().kind {
        ActivityKind::Follow => Ok(queue.accept(verified)?),
        ActivityKind::Create => store_and_like(rows, verified, queue),
        _ => Ok(()),
    }
}

fn store_and_like(
    rows: &mut Connection,
    verified: &Verified,
    queue: &mut Queue,
) -> Result<(), HandlerError> {
    // An object of another origin would prove nothing, and is `None` here.
    let note = verified.trusted_object();
    let Some(id) = note.and_then(|note| note.id.clone()) else {
        return Ok(());
    };
    let known = notes::table.find(id.as_str()).count();
    if known.get_result::<i64>(rows)? > 0 {
        return Ok(());
    }
    let content = note.and_then(|note| note.content.as_deref());
    let author = verified.actor();
    let row = (
        notes::id.eq(id.as_str()),
        notes::author.eq(author.id.as_str()),
        notes::content.eq(content.unwrap_or_default()),
    );
    diesel::insert_into(notes::table)
        .values(row)
        .execute(rows)?;
    let me = queue.actor_id("inbox");
    let like = Activity::like(queue.activity_id(&me), me, id, None);
    let like = like.addressed_to(vec![author.id.clone()], Vec::new());
    Ok(queue.send(Message::new(like).to(author))?)
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bind, origin, data] = arguments.as_slice() else {
        bail!("usage: minimal-inbox ADDRESS ORIGIN DIRECTORY")
    };
    let data = Path::new(data);
    let database = Database::open(DatabaseUrl::sqlite(data.join("inbox.db"))).await?;
    let create = |rows: &mut Connection| Ok(diesel::sql_query(TABLE).execute(rows)?);
    database.write::<_, DatabaseError, _>(create).await?;
    let mut builder = Federation::builder(origin.parse()?, database)
        .keys(KeyFolder::open(data.join("keys"))?)
        .actor(Profile::service("inbox")?)
        .handler(receive);
    if origin.starts_with("http://") {
        builder = builder.on_loopback();
    }
    let federation = builder.build().await?;
    let listener = tokio::net::TcpListener::bind(bind).await?;
    let routes = federation.router();
    tokio::select! {
        served = axum::serve(listener, routes) => served?,
        () = federation.run(CancellationToken::new()) => {}
    }
    Ok(())
}
