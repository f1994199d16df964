//! Two servers on one database: what one changes takes hold in the other, without Redis.

use std::fs;
use std::time::{Duration, Instant};

use federation_core::store::sql::Backend;
use federation_core::testing::TestDatabase;
use folkmoot::config::Config;
use serde_json::json;

use super::village::{Village, people};
use crate::chat::world::World;

/// No change of permissions takes longer to show elsewhere (I9).
const BAR: Duration = Duration::from_secs(1);

fn as_one_node(config: &mut Config) {
    config.server.public_url = Some("http://moot.example".to_owned());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn I9_another_process_stops_telling_whoever_was_removed() {
    let database = TestDatabase::create(Backend::Postgres);
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first_path = here.path().to_owned();
    let first = World::start_at(&database, here, 0, as_one_node).await;
    for entry in fs::read_dir(first_path).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), there.path().join(entry.file_name())).unwrap();
        }
    }
    let second = World::start_at(&database, there, 0, as_one_node).await;
    let (operator, members) = people(&first, &["owner", "ann", "bob"]).await;
    let [owner, ann, bob] = &members[..] else {
        panic!()
    };
    let village = Village::found(&operator, owner, "village").await;
    for member in [ann, bob] {
        village.let_in(owner, member).await;
    }
    let ann_there = second.returning(ann.token.clone(), ann.id.clone());
    let bob_there = second.returning(bob.token.clone(), bob.id.clone());
    let (mut anns, _) = ann_there.socket(None).await;
    let (mut bobs, _) = bob_there.socket(None).await;
    let messages = format!("/api/v1/channels/{}/messages", village.square);
    bob_there.get(&messages).await.expect(200);
    let began = Instant::now();
    let path = village.path(&format!("/members/{}", bob.id));
    owner.delete(&path).await.expect(204);
    owner.say(&village.square, "after").await;
    let mut status = 200;
    while status != 404 {
        status = bob_there.get(&messages).await.status;
        assert!(
            began.elapsed() < BAR,
            "{status} after {:?}",
            began.elapsed()
        );
    }
    let told = anns.next_op("message.created").await;
    assert_eq!(told["d"]["content"], "after");
    let dm = owner.dm(&["bob"]).await;
    owner.say(&dm, "farewell").await;
    loop {
        let frame = bobs.next().await;
        if frame["d"]["content"] == "farewell" {
            break;
        }
        assert_ne!(frame["op"], "message.created", "{frame:#}");
    }
    let word = json!({"content": "let me in"});
    bob_there
        .post(&messages, &word)
        .await
        .expect_problem(404, "not_found");
    second.stop().await;
    first.stop().await;
}
