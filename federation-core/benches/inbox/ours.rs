//! The inbox of this crate, over a database with durable commits.

use std::sync::Arc;

use diesel::{RunQueryDsl as _, sql_query};
use federation_core::SystemClock;
use federation_core::federation::{Federation, FixedKeys, HandlerError, Queue};
use federation_core::inbox::{InboundRequest, InboxService as _, RateLimits, Verified};
use federation_core::signature::BodyDigest;
use federation_core::store::sql::{
    Backend, Connection, Database, DatabaseError, federation_migrations,
};
use federation_core::testing::{ScriptedTransport, TestDatabase};
use http::Method;
use url::Url;

use super::ACTIVITIES;
use super::cost::{Cost, Meter};
use super::world::{NOW, Posted, World};

/// Requests that are under way at once, as many connections bring them.
const AT_ONCE: usize = 64;
/// Hosts that what is stored came from.
const HOSTS: usize = 10_000;

#[expect(clippy::unnecessary_wraps, reason = "a handler may fail")]
/// Nothing but the row that recognises the activity: what an effect costs is its application's.
fn accept(_: &mut Connection, _: &Verified, _: &mut Queue) -> Result<(), HandlerError> {
    Ok(())
}

/// CPU per activity with so many stored activities and known peers.
pub(super) async fn measure(world: &World, backend: Backend, stored: i64, peers: usize) -> Cost {
    let test = TestDatabase::create(backend);
    let database = test.open(federation_migrations()).await;
    fill(world, &database, stored, peers).await;
    let mut rates = RateLimits::default();
    (rates.per_peer, rates.per_source) = (None, None);
    let federation = Federation::builder("https://here.example".parse().unwrap(), database.clone())
        .transport(Arc::new(ScriptedTransport::new()))
        .clock(Arc::new(SystemClock))
        .keys(FixedKeys::default())
        .rates(rates)
        .handler(accept)
        .build()
        .await
        .unwrap();
    // Known peers have sent something before: the first signature under a key costs more, since
    // OpenSSL then prepares it.
    let warm = peers.max(AT_ONCE * 8);
    take_all(&federation, world.posts("warm", warm, peers)).await;
    let posts = world.posts("run", ACTIVITIES, peers);
    let meter = Meter::start();
    take_all(&federation, posts).await;
    let cost = meter.stop(ACTIVITIES);
    let count = database.read(|connection: &mut Connection| count(connection));
    let expected = stored + i64::try_from(ACTIVITIES + warm).unwrap();
    assert_eq!(count.await.unwrap(), expected, "each is committed once");
    database.close().await;
    cost
}

async fn take_all(federation: &Federation<Database>, posts: Vec<Posted>) {
    let mut shares = vec![Vec::new(); AT_ONCE];
    for (number, posted) in posts.into_iter().enumerate() {
        shares[number % AT_ONCE].push(posted);
    }
    let tasks: Vec<_> = shares
        .into_iter()
        .map(|share| tokio::spawn(take(federation.clone(), share)))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn take(federation: Federation<Database>, share: Vec<Posted>) {
    let origin = Url::parse("https://here.example").unwrap();
    for posted in share {
        let Posted { headers, body } = posted;
        let request = InboundRequest::new(Method::POST, &origin, "/inbox", headers, body).unwrap();
        let answer = federation.receive(request).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
}

async fn fill(world: &World, database: &Database, stored: i64, peers: usize) {
    let now = NOW.as_millis();
    // Of ten thousand hosts, as the store writes their digests; names are as good as random there.
    run(
        database,
        "CREATE TABLE hosts (n BIGINT PRIMARY KEY NOT NULL, prefix TEXT NOT NULL)".into(),
    )
    .await;
    for chunk in (0..HOSTS).collect::<Vec<_>>().chunks(500) {
        let rows: Vec<String> = chunk
            .iter()
            .map(|number| format!("({number}, '{}')", prefix(*number)))
            .collect();
        run(
            database,
            format!("INSERT INTO hosts VALUES {}", rows.join(", ")),
        )
        .await;
    }
    let digest = match database.backend() {
        Backend::Sqlite => "unhex(prefix || hex(randomblob(16)))",
        Backend::Postgres => "decode(prefix || md5(random()::text), 'hex')",
    };
    let insert = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {stored}) \
         INSERT INTO received_activities (digest, received_at) \
         SELECT {digest}, {now} - numbers.n FROM numbers JOIN hosts ON hosts.n = numbers.n % {HOSTS}"
    );
    run(database, insert).await;
    for chunk in (0..peers).collect::<Vec<_>>().chunks(500) {
        let rows: Vec<String> = chunk
            .iter()
            .map(|number| {
                let (id, document) = (World::actor(*number), world.document(*number));
                format!("('{id}', 'peer{number}.example', '{document}', {now})")
            })
            .collect();
        let insert = "INSERT INTO remote_actors (id, host, document, fetched_at) VALUES";
        run(database, format!("{insert} {}", rows.join(", "))).await;
    }
}

/// What the digests of a peer begin with, as hexadecimal digits.
fn prefix(number: usize) -> String {
    let actor = World::actor(number);
    let digest = BodyDigest::of(actor.host_str().unwrap().as_bytes());
    let first = digest.as_bytes().first_chunk().unwrap();
    format!("{:08x}", u32::from_be_bytes(*first))
}

async fn run(database: &Database, statement: String) {
    let run = move |connection: &mut Connection| {
        Ok::<_, DatabaseError>(sql_query(statement.as_str()).execute(connection)?)
    };
    database.write(run).await.unwrap();
}

fn count(connection: &mut Connection) -> Result<i64, DatabaseError> {
    let count =
        diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM received_activities");
    Ok(count.get_result(connection)?)
}
