//! What a server knows of the actors of another, and how long.

use std::time::Duration;

use federation_core::SystemClock;
use federation_core::clock::Clock as _;
use federation_core::fetch::ActorCache as _;
use federation_core::store::sql::SqlActorCache;
use federation_core::testing::{TestDatabase, on_each_backend};
use folkmoot::federation::prune;
use serde_json::json;

use super::pair::{actor, conversation, fetch, handle, key, pair, post};

#[test]
fn an_actor_that_changes_itself_is_known_at_once_and_as_long_as_its_user() {
    on_each_backend(async |database: TestDatabase| {
        let (b, a, _other) = pair(&database).await;
        let bob = b.member("bob").await;
        let alice = a.member("alice").await;
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        alice.say(&channel, "hi").await;
        conversation(&bob).await;

        // Seconds after it was fetched: fetching again would not even be tried.
        let (id, signing) = (actor(&a, "alice"), key(&a, "alice").await);
        let mut document = fetch(&a, "/users/alice", None).await.expect(200);
        let inbox = format!("{id}/inbox2");
        document["name"] = json!("Alice II");
        document["inbox"] = json!(inbox);
        let update = json!({
            "id": format!("{id}#update"), "type": "Update", "actor": id, "object": document,
        });
        assert_eq!(post(&b, "/inbox", &signing, &update).await.status, 202);
        let directory = b.app.parts().edge.directory();
        let known = directory.actor(&id).await.unwrap();
        assert_eq!(known.inbox.as_str(), inbox);
        let list = bob.get("/api/v1/dms").await.expect(200);
        assert!(list.to_string().contains("Alice II"), "{list:#}");
        // The same again, after the document has changed once more, brings nothing back.
        let mut later = update.clone();
        later["id"] = json!(format!("{id}#update2"));
        later["object"]["inbox"] = json!(format!("{id}/inbox3"));
        for sent in [&later, &update] {
            assert_eq!(post(&b, "/inbox", &signing, sent).await.status, 202);
        }
        let known = directory.actor(&id).await.unwrap();
        assert_eq!(known.inbox.as_str(), format!("{id}/inbox3"));

        // A message may be taken back after a year: where to has to be known then.
        let stranger = "https://there.example/users/carol".parse().unwrap();
        let db = b.app.ctx().db();
        let cache = SqlActorCache::new(db.clone());
        let now = SystemClock.now();
        cache.save(&stranger, "{}".to_owned(), now).await.unwrap();
        let in_a_year = now.plus(Duration::from_hours(365 * 24));
        db.write(move |c| prune(c, in_a_year, 100)).await.unwrap();
        assert!(cache.load(&id).await.unwrap().is_some());
        assert_eq!(cache.load(&stranger).await.unwrap(), None);
        a.stop().await;
        b.stop().await;
    });
}
