//! Handles: believed only when the actor goes by them.

use super::*;

fn jrd(subject: &str, actor: &str) -> String {
    json!({"subject": subject, "links": [{"rel": "self", "type": "application/activity+json", "href": actor}]}).to_string()
}

impl World {
    fn webfinger(&self, host: &str, asked: &str, media_type: &str, body: String) {
        let asked = asked.replace(':', "%3A").replace('@', "%40");
        let url = format!("https://{host}/.well-known/webfinger?resource={asked}");
        self.web.serve_as(&url, media_type, body);
    }
}

const JRD: &str = "application/jrd+json";

#[tokio::test]
async fn resolves_a_handle_that_its_actor_goes_by() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    world.webfinger(
        "a.example",
        "acct:alice@a.example",
        JRD,
        jrd("acct:alice@a.example", ALICE),
    );
    let found = world
        .directory
        .resolve_handle("@alice@a.example")
        .await
        .unwrap();
    assert_eq!(found.id, url(ALICE));
    assert!(matches!(
        world.directory.resolve_handle("alice").await,
        Err(DirectoryError::Handle(_))
    ));
}

#[tokio::test]
async fn attack_40_does_not_believe_a_handle_without_the_way_back() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    world.webfinger(
        "a.example",
        "acct:alice@a.example",
        JRD,
        jrd("acct:alice@a.example", ALICE),
    );
    let lies = [
        // Another host claims alice as its own.
        (
            "evil.example",
            "acct:alice@evil.example",
            JRD,
            jrd("acct:alice@evil.example", ALICE),
        ),
        (
            "c.example",
            "acct:mallory@c.example",
            JRD,
            jrd("acct:mallory@c.example", ALICE),
        ),
        // Another name on alice's host.
        (
            "a.example",
            "acct:root@a.example",
            JRD,
            jrd("acct:root@a.example", ALICE),
        ),
        // The subject is somebody else.
        (
            "d.example",
            "acct:bob@d.example",
            JRD,
            jrd("acct:alice@a.example", "https://d.example/users/bob"),
        ),
        // The media type is that of an upload.
        (
            "e.example",
            "acct:bob@e.example",
            "text/html",
            jrd("acct:bob@e.example", ALICE),
        ),
        // The link leads inside.
        (
            "f.example",
            "acct:bob@f.example",
            JRD,
            jrd("acct:bob@f.example", "https://127.0.0.1/users/bob"),
        ),
    ];
    for (host, asked, media_type, body) in lies {
        world.webfinger(host, asked, media_type, body);
        let handle = asked.replace("acct:", "@");
        let outcome = world.directory.resolve_handle(&handle).await;
        assert!(outcome.is_err(), "{handle}");
    }
}

#[tokio::test]
async fn resolves_a_handle_on_another_domain_that_agrees() {
    let world = World::new();
    world.web.serve(ALICE, &alice());
    let split = jrd("acct:alice@example.org", ALICE);
    world.webfinger("example.org", "acct:alice@example.org", JRD, split.clone());
    world.webfinger("a.example", "acct:alice@a.example", JRD, split);
    let found = world
        .directory
        .resolve_handle("@alice@example.org")
        .await
        .unwrap();
    assert_eq!(found.id, url(ALICE));
}
