//! Keys: linked both ways with their owner, or refused.

use super::*;

#[tokio::test]
async fn finds_a_key_in_its_actor() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    let found = world.directory.key(&url(MAIN_KEY)).await.unwrap();
    assert_eq!(
        (&found.owner.id, &found.key_id),
        (&url(ALICE), &url(MAIN_KEY))
    );
    world.directory.key(&url(MAIN_KEY)).await.unwrap();
    assert_eq!(world.web.requests().len(), 1);
    // Older servers name the actor itself.
    assert_eq!(
        world.directory.key(&url(ALICE)).await.unwrap().key_id,
        url(MAIN_KEY)
    );
}

#[tokio::test]
async fn follows_a_stand_alone_key_and_a_stub_to_the_owner() {
    let world = World::new();
    let key_id = "https://a.example/users/alice/main-key";
    let own = key(key_id, ALICE, &pem());
    world.web.serve(ALICE, &actor(ALICE, "alice", &own));
    let stub =
        json!({"id": ALICE, "type": "Person", "preferredUsername": "alice", "publicKey": own});
    for document in [own, stub] {
        world.web.serve(key_id, &document);
        let found = world.directory.key(&url(key_id)).await.unwrap();
        assert_eq!(found.owner.id, url(ALICE));
        world.clock.advance(Duration::from_hours(25));
    }
    assert_eq!(world.web.count(key_id), 2);
}

#[tokio::test]
async fn attack_03_does_not_believe_a_key_that_its_owner_does_not_list() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    let elsewhere = "https://evil.example/key";
    world.web.serve(elsewhere, &key(elsewhere, ALICE, &pem()));
    let error = world.directory.key(&url(elsewhere)).await.unwrap_err();
    assert!(
        matches!(error, DirectoryError::KeyElsewhere { .. }),
        "{error:?}"
    );
    // On the victim's own server, for example as an upload.
    let upload = "https://a.example/upload/key";
    world.web.serve(upload, &key(upload, ALICE, &pem()));
    let error = world.directory.key(&url(upload)).await.unwrap_err();
    assert!(
        matches!(error, DirectoryError::KeyNotListed { .. }),
        "{error:?}"
    );
    // A fragment that the actor does not have.
    let error = world
        .directory
        .key(&url("https://a.example/users/alice#other"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, DirectoryError::KeyNotListed { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn attack_03_does_not_believe_an_actor_that_lists_a_key_of_another() {
    let world = World::new();
    let stolen = key(MAIN_KEY, BOB, &pem());
    world.web.serve(ALICE, &actor(ALICE, "alice", &stolen));
    let error = world.directory.key(&url(MAIN_KEY)).await.unwrap_err();
    assert!(
        matches!(error, DirectoryError::KeyNotListed { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn attack_05_does_not_take_a_key_document_with_another_id() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    let asked = "https://a.example/keys/1";
    world.web.serve(asked, &key(MAIN_KEY, ALICE, &pem()));
    let error = world.directory.key(&url(asked)).await.unwrap_err();
    assert!(
        matches!(error, DirectoryError::WrongKeyId { .. }),
        "{error:?}"
    );
    // Nothing was kept under the asked id, and the real key is untouched.
    assert!(world.directory.key(&url(asked)).await.is_err());
    assert!(world.directory.key(&url(MAIN_KEY)).await.is_ok());
}

#[tokio::test]
async fn attack_24_takes_nothing_from_the_page_for_people() {
    let world = World::new();
    let mut forged = actor(
        BOB,
        "bob",
        &key("https://b.example/users/bob#k", BOB, &pem()),
    );
    forged["url"] = json!(ALICE);
    world.web.serve(BOB, &forged);
    let found = world.directory.actor(&url(BOB)).await.unwrap();
    assert_eq!(found.id, url(BOB));
    assert_eq!(world.store.load(&url(ALICE)).await.unwrap(), None);
    assert!(world.directory.key(&url(MAIN_KEY)).await.is_err());
}

#[tokio::test]
async fn learns_a_new_key_when_the_actor_has_rotated() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    let old = world.directory.key(&url(MAIN_KEY)).await.unwrap();
    let second = "https://a.example/users/alice#second";
    world
        .web
        .serve(ALICE, &actor(ALICE, "alice", &key(second, ALICE, &pem())));
    world.clock.advance(Duration::from_mins(5));
    assert!(world.directory.key(&url(second)).await.is_ok());
    assert!(world.directory.key(&url(MAIN_KEY)).await.is_err());
    drop(old);
}

#[tokio::test]
async fn attack_60_bounds_fetches_by_many_key_ids_of_one_host() {
    let world = World::new();
    for number in 0..500 {
        let key_id = format!("https://victim.example/users/{number}#main-key");
        let _ = world.directory.key(&url(&key_id)).await;
    }
    let sent = world.web.requests().len();
    let burst = usize::try_from(FetchBudget::default().burst).unwrap();
    assert!(sent <= burst, "{sent} requests");
    let error = world
        .directory
        .key(&url("https://victim.example/x#k"))
        .await
        .unwrap_err();
    assert!(matches!(error, DirectoryError::OverBudget { .. }) && error.is_retryable());
}

#[tokio::test]
async fn attack_04_reads_a_key_id_in_one_way() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    for odd in [
        "https://a.example@evil.example/users/alice#main-key",
        "https://alice@a.example/users/alice#main-key",
    ] {
        assert!(world.directory.key(&url(odd)).await.is_err(), "{odd}");
    }
    let upper = world
        .directory
        .key(&url("HTTPS://A.EXAMPLE:443/users/alice#main-key"))
        .await;
    assert_eq!(upper.unwrap().key_id, url(MAIN_KEY));
}

#[tokio::test]
async fn names_a_key_that_cannot_be_used() {
    let world = World::new();
    world.web.serve(
        ALICE,
        &actor(ALICE, "alice", &key(MAIN_KEY, ALICE, "no key at all")),
    );
    let error = world.directory.key(&url(MAIN_KEY)).await.unwrap_err();
    assert!(
        matches!(error, DirectoryError::UnusableKey { .. }),
        "{error:?}"
    );
}
