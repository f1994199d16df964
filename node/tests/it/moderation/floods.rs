//! Reports of other nodes: how many are taken, and how long they wait.

use std::time::Duration;

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{TestDatabase, on_each_backend};
use federation_core::{Clock as _, SystemClock};
use folkmoot::moderation::reports;
use folkmoot::platform::db::schema;
use serde_json::{Value, json};
use url::Url;

use crate::chat::world::World;
use crate::federation::pair::{actor, key, pair, post};

fn flag(sender: &Url, number: u32, object: &Url) -> Value {
    json!({
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": format!("{sender}/flags/{number}"), "type": "Flag", "actor": sender,
        "content": "bad", "object": [object],
    })
}

/// Puts in open reports of other nodes that came at `at`, in milliseconds since the Unix epoch.
async fn put(world: &World, numbers: std::ops::Range<u32>, site: fn(u32) -> String, at: i64) {
    let numbers: Vec<u32> = numbers.collect();
    for some in numbers.chunks(500) {
        let row = |number: &u32| {
            let site = site(*number);
            format!(
                "('0197a3c2-7b1e-7c55-8f00-{number:012x}', 'user', 'x', 'other', '', 'node', \
                 '{site}:{number}', '{site}', '{{}}', 'open', FALSE, {at}, {at})"
            )
        };
        let rows: Vec<String> = some.iter().map(row).collect();
        let statement = format!(
            "INSERT INTO reports (id, target_kind, target_id, reason, comment, source, domain, \
             site, snapshot, state, is_forwarded, created_at, updated_at) VALUES {}",
            rows.join(", ")
        );
        run(world, statement).await;
    }
}

async fn run(world: &World, statement: String) {
    let write = move |connection: &mut Connection| {
        diesel::sql_query(statement.clone()).execute(connection)?;
        Ok::<_, DatabaseError>(())
    };
    world.app.ctx().db().write(write).await.unwrap();
}

async fn count(world: &World) -> i64 {
    let read = |connection: &mut Connection| {
        let rows = schema::reports::table.count();
        Ok::<_, DatabaseError>(rows.get_result::<i64>(connection)?)
    };
    world.app.ctx().db().read(read).await.unwrap()
}

#[test]
fn attack_names_below_one_name_and_all_nodes_together_are_bounded() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        for name in ["alice", "ann"] {
            a.member(name).await;
        }
        b.member("bob").await;
        let (sender, signer) = (actor(&b, "bob"), key(&b, "bob").await);
        let now = SystemClock.now().as_millis();
        // As many as one site has in an hour, each by a domain of its own.
        put(&a, 0..60, |_| "127.0.0.1".to_owned(), now).await;
        let reported = flag(&sender, 1, &actor(&a, "alice"));
        assert_eq!(post(&a, "/inbox", &signer, &reported).await.status, 202);
        assert_eq!(count(&a).await, 60);
        let past = now - 2 * 60 * 60 * 1_000;
        run(&a, format!("UPDATE reports SET created_at = {past}")).await;
        let reported = flag(&sender, 2, &actor(&a, "alice"));
        assert_eq!(post(&a, "/inbox", &signer, &reported).await.status, 202);
        assert_eq!(count(&a).await, 61);
        // As many as all other nodes have that wait.
        put(&a, 61..2_000, |number| format!("n{number}.example"), past).await;
        let reported = flag(&sender, 3, &actor(&a, "ann"));
        assert_eq!(post(&a, "/inbox", &signer, &reported).await.status, 202);
        assert_eq!(count(&a).await, 2_000);
        let judge = format!(
            "UPDATE reports SET state = 'dismissed', closed_at = {now} WHERE site = 'n61.example'"
        );
        run(&a, judge).await;
        let reported = flag(&sender, 4, &actor(&a, "ann"));
        assert_eq!(post(&a, "/inbox", &signer, &reported).await.status, 202);
        assert_eq!(count(&a).await, 2_001);
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn reports_of_other_nodes_that_nobody_judges_end() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let now = SystemClock.now();
        let days = |days: u64| now.minus(Duration::from_hours(24 * days)).as_millis();
        let site = |_: u32| "evil.example".to_owned();
        put(&world, 0..3, site, days(181)).await;
        put(&world, 3..5, site, days(179)).await;
        // Those of members wait for as long as it takes.
        let of_member = "UPDATE reports SET source = 'member', domain = NULL, site = NULL \
             WHERE domain = 'evil.example:0'";
        run(&world, of_member.to_owned()).await;
        let prune = move |connection: &mut Connection| reports::prune(connection, now, 100);
        let gone = world.app.ctx().db().write(prune).await.unwrap();
        assert_eq!((gone, count(&world).await), (2, 3));
        world.stop().await;
    });
}
