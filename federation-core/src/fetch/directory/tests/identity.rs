//! Identity: what a document may claim about where it comes from.

use super::*;

#[tokio::test]
async fn attack_21_does_not_believe_an_id_on_another_host() {
    let world = World::new();
    let forged = actor(
        BOB,
        "bob",
        &key("https://b.example/users/bob#k", BOB, &pem()),
    );
    world.web.serve(ALICE, &forged);
    world.web.serve("https://a.example/@bob", &forged);
    for asked in [ALICE, "https://a.example/@bob"] {
        let error = world.directory.actor_at(&url(asked)).await.unwrap_err();
        assert!(matches!(error, DirectoryError::Document(_)), "{error:?}");
    }
    assert!(world.directory.actor(&url(ALICE)).await.is_err());
    assert_eq!(world.store.load(&url(BOB)).await.unwrap(), None);
    assert_eq!(world.web.count(BOB), 0);
}

#[tokio::test]
async fn attack_21_confirms_another_id_on_the_same_host_at_that_id() {
    let world = World::new();
    world.web.serve("https://a.example/upload/fake", &alice());
    let error = world
        .directory
        .actor_at(&url("https://a.example/upload/fake"))
        .await;
    assert!(error.is_err(), "the id has to be found at the id");
    world.web.serve("https://a.example/upload/other", &alice());
    let genuine = alice();
    world.web.serve(ALICE, &genuine);
    let found = world
        .directory
        .actor_at(&url("https://a.example/upload/other"))
        .await
        .unwrap();
    assert_eq!(
        found.public_keys[0].material.as_str(),
        genuine["publicKey"]["publicKeyPem"]
    );
    let strict = world
        .directory
        .actor(&url("https://a.example/upload/other"))
        .await;
    assert!(matches!(strict, Err(DirectoryError::IdMismatch { .. })));
}

#[tokio::test]
async fn attack_22_does_not_believe_other_media_types() {
    let world = World::new();
    for media_type in [
        "application/json",
        "text/html",
        "text/plain",
        "application/ld+json",
        "image/png",
    ] {
        world.web.serve_as(ALICE, media_type, alice().to_string());
        let error = world.directory.actor(&url(ALICE)).await.unwrap_err();
        assert!(matches!(error, DirectoryError::Document(_)), "{media_type}");
        assert!(!error.is_retryable());
        world.clock.advance(Duration::from_hours(1));
    }
}

#[tokio::test]
async fn attack_25_does_not_carry_authority_across_a_redirect() {
    let world = World::new();
    // The attacker's page redirects to the victim's server, which shows an attacker's id.
    world.redirect(ALICE, "https://b.example/upload");
    world.web.serve("https://b.example/upload", &alice());
    let error = world.directory.actor(&url(ALICE)).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Document(_)), "{error:?}");
    world.clock.advance(Duration::from_hours(1));
    // A redirect to another server's honest document is that server's actor, not this one.
    world.redirect(ALICE, BOB);
    world.web.serve(
        BOB,
        &actor(
            BOB,
            "bob",
            &key("https://b.example/users/bob#k", BOB, &pem()),
        ),
    );
    let error = world.directory.actor(&url(ALICE)).await.unwrap_err();
    assert!(
        matches!(error, DirectoryError::IdMismatch { .. }),
        "{error:?}"
    );
    world.clock.advance(Duration::from_hours(1));
    world.redirect(ALICE, "http://a.example/users/alice");
    assert!(world.directory.actor(&url(ALICE)).await.is_err());
}

#[tokio::test]
async fn attack_53_ends_redirects_of_signed_fetches() {
    let world = World::new();
    world.redirect(ALICE, "https://a.example/2");
    world.redirect("https://a.example/2", ALICE);
    let error = world.directory.actor(&url(ALICE)).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Document(_)));
    world.redirect(BOB, "https://127.0.0.1/users/bob");
    let error = world.directory.actor(&url(BOB)).await.unwrap_err();
    assert!(!error.is_retryable());
    assert!(
        world
            .web
            .requests()
            .iter()
            .all(|sent| sent.url.host_str() != Some("127.0.0.1"))
    );
}

#[tokio::test]
async fn attack_52_refuses_keys_inside_without_a_request() {
    let world = World::new();
    for inside in [
        "http://internal/",
        "https://127.0.0.1/key",
        "https://10.0.0.1/actor#main-key",
        "https://[::1]/actor#main-key",
        "https://localhost/u#k",
        "http://a.example/users/alice#main-key",
    ] {
        let error = world.directory.key(&url(inside)).await.unwrap_err();
        assert!(!error.is_retryable(), "{inside}: {error:?}");
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        assert!(cause.is::<GuardError>(), "{inside}: {cause:?}");
    }
    assert!(world.web.requests().is_empty());
}
