//! Actors: shared, remembered, refreshed, signed for.

use super::*;

#[tokio::test]
async fn shares_one_fetch_between_all_who_ask_at_once() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    world.web.hold();
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let directory = Arc::clone(&world.directory);
            tokio::spawn(async move { directory.actor(&url(ALICE)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    world.web.release();
    for asked in asking {
        assert_eq!(asked.await.unwrap().unwrap().id, url(ALICE));
    }
    assert_eq!(world.web.count(ALICE), 1);
}

#[tokio::test]
async fn remembers_until_it_is_no_longer_fresh_and_across_restarts() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    world.directory.actor(&url(ALICE)).await.unwrap();
    world.clock.advance(Duration::from_hours(23));
    world.directory.forget(&url(ALICE)).await;
    world.directory.actor(&url(ALICE)).await.unwrap();
    assert_eq!(world.web.count(ALICE), 1);
    world.clock.advance(Duration::from_hours(2));
    world.directory.actor(&url(ALICE)).await.unwrap();
    assert_eq!(world.web.count(ALICE), 2);
}

#[tokio::test]
async fn attack_60_remembers_failures() {
    let world = World::new();
    for _ in 0..20 {
        let error = world.directory.actor(&url(ALICE)).await.unwrap_err();
        assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
    }
    assert_eq!(world.web.count(ALICE), 1);
    world.web.serve(ALICE, &alice());
    world.clock.advance(Duration::from_mins(2));
    assert!(world.directory.actor(&url(ALICE)).await.is_ok());
}

#[tokio::test]
async fn waits_as_long_as_the_server_asks() {
    let world = World::new();
    let headers = HeaderMap::from_iter([(RETRY_AFTER, "600".parse().unwrap())]);
    world
        .web
        .answer(ALICE, StatusCode::SERVICE_UNAVAILABLE, headers);
    let error = world.directory.actor(&url(ALICE)).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(error.retry_after(), Some(Duration::from_mins(10)));
    world.clock.advance(Duration::from_mins(9));
    world.directory.actor(&url(ALICE)).await.unwrap_err();
    assert_eq!(world.web.count(ALICE), 1);
}

#[tokio::test]
async fn uses_what_it_knows_while_the_server_is_down_but_not_for_ever() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    world.directory.actor(&url(ALICE)).await.unwrap();
    world
        .web
        .on(ALICE, |_| Err(FetchError::Connect("down".into())));
    world.clock.advance(Duration::from_hours(48));
    assert!(world.directory.actor(&url(ALICE)).await.is_ok());
    world.clock.advance(Duration::from_hours(24 * 6));
    assert!(world.directory.actor(&url(ALICE)).await.is_err());
}

#[tokio::test]
async fn believes_gone_only_from_410_and_remembers_it() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    world.directory.actor(&url(ALICE)).await.unwrap();
    world.web.answer(ALICE, StatusCode::GONE, HeaderMap::new());
    world.clock.advance(Duration::from_hours(1));
    assert!(
        world
            .directory
            .refresh(&url(ALICE))
            .await
            .unwrap_err()
            .is_gone()
    );
    let stored = world.store.load(&url(ALICE)).await.unwrap().unwrap();
    assert!(stored.gone_at.is_some());
    world.directory.forget(&url(ALICE)).await;
    assert!(
        world
            .directory
            .actor(&url(ALICE))
            .await
            .unwrap_err()
            .is_gone()
    );
    assert_eq!(world.web.count(ALICE), 2);
}

#[tokio::test]
async fn refreshes_at_most_once_per_interval() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    for _ in 0..5 {
        world.directory.refresh(&url(ALICE)).await.unwrap();
    }
    assert_eq!(world.web.count(ALICE), 1);
    world.directory.forget(&url(ALICE)).await;
    world.directory.refresh(&url(ALICE)).await.unwrap();
    assert_eq!(
        world.web.count(ALICE),
        1,
        "the store knows when it was fetched"
    );
    world.clock.advance(Duration::from_mins(1));
    for _ in 0..5 {
        world.directory.refresh_key(&url(MAIN_KEY)).await.unwrap();
    }
    assert_eq!(world.web.count(ALICE), 2);
}

#[tokio::test]
async fn signs_its_gets_when_it_can() {
    let key_id = url("https://here.example/actor#main-key");
    let key = SigningKey::new(key_id, PrivateKey::generate(Algorithm::Ed25519).unwrap());
    let world = World::with(DirectoryConfig::default(), Some(Arc::new(key)));
    world.redirect("https://a.example/@alice", ALICE);
    world.web.serve(ALICE, &alice());
    let found = world
        .directory
        .actor_at(&url("https://a.example/@alice"))
        .await
        .unwrap();
    assert_eq!(found.id, url(ALICE));
    let signatures: Vec<_> = world
        .web
        .requests()
        .iter()
        .map(|sent| sent.headers["signature"].clone())
        .collect();
    assert!(signatures.len() >= 2);
    assert_ne!(
        signatures[0], signatures[1],
        "each hop is signed for its own URL"
    );
}

#[tokio::test]
async fn a_budget_that_others_have_used_up_is_not_held_against_an_actor() {
    let mut config = DirectoryConfig::default();
    config.budget.burst = 1;
    let world = World::with(config, None);
    world.web.serve(ALICE, &alice());
    let other = url("https://a.example/users/nobody");
    world.directory.actor(&other).await.unwrap_err();
    let error = world.directory.refresh(&url(ALICE)).await.unwrap_err();
    assert!(
        matches!(error, DirectoryError::OverBudget { .. }),
        "{error}"
    );
    world.clock.advance(Duration::from_secs(1));
    assert!(world.directory.refresh(&url(ALICE)).await.is_ok());
}

#[tokio::test]
async fn takes_a_proven_document_in_place_of_the_known_one() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    world.directory.actor(&url(ALICE)).await.unwrap();
    let mut moved = alice();
    moved["inbox"] = json!("https://a.example/new-inbox");
    let moved = Actor::parse(moved.to_string().as_bytes()).unwrap();
    world.directory.replace(moved).await;
    for _ in 0..2 {
        let known = world.directory.actor(&url(ALICE)).await.unwrap();
        assert_eq!(known.inbox, url("https://a.example/new-inbox"));
        assert!(world.directory.key(&url(MAIN_KEY)).await.is_ok());
        // The second time from the store.
        world.directory.forget(&url(ALICE)).await;
    }
    assert_eq!(world.web.count(ALICE), 1);
}
