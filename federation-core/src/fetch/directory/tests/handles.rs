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

fn two_selves(subject: &str, one: &str, other: &str) -> String {
    let link =
        |href: &str| json!({"rel": "self", "type": "application/activity+json", "href": href});
    json!({"subject": subject, "links": [link(one), link(other)]}).to_string()
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
        // Alice's own, with two self links of which the second is somebody else's.
        (
            "a.example",
            "acct:alice@a.example",
            JRD,
            two_selves("acct:alice@a.example", ALICE, "https://a.example/users/bob"),
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

#[tokio::test]
async fn attack_40_a_handle_that_the_actor_denies_is_not_believed() {
    let world = World::new();
    let mut actor = alice();
    let own = "acct:alice@a.example";
    world.webfinger("a.example", own, JRD, jrd(own, ALICE));
    let other = "acct:alice@example.org";
    world.webfinger("example.org", other, JRD, jrd(other, ALICE));
    for (stated, is_denied) in [
        ("alice@a.example", false),
        ("acct:Alice@A.example", false),
        ("alice@example.org", true),
        ("nothing that is read", false),
    ] {
        actor["webfinger"] = json!(stated);
        world.web.serve(ALICE, &actor);
        world.clock.advance(Duration::from_hours(48));
        let outcome = world.directory.resolve_handle("@alice@a.example").await;
        assert_eq!(outcome.is_err(), is_denied, "{stated}");
        let there = world.directory.resolve_handle("@alice@example.org").await;
        assert_eq!(there.is_ok(), is_denied, "{stated}");
    }
}

#[tokio::test]
async fn attack_40_an_actor_is_not_believed_to_have_the_handle_of_another() {
    let world = World::new();
    let victim = "acct:root@b.example";
    world.webfinger("b.example", victim, JRD, jrd(victim, BOB));
    let own = "acct:alice@a.example";
    world.webfinger("a.example", own, JRD, jrd(own, ALICE));
    let mut actor = Actor::from_value(alice()).unwrap();
    let handle = world.directory.handle_of(&actor).await.unwrap();
    assert_eq!(handle.acct(), own);
    actor.webfinger = Some("root@b.example".to_owned());
    let outcome = world.directory.handle_of(&actor).await;
    assert!(matches!(outcome, Err(DirectoryError::WebFinger(_))));
    actor.webfinger = None;
    actor.preferred_username = None;
    assert!(world.directory.handle_of(&actor).await.is_err());
}

#[tokio::test]
async fn attack_47_host_meta_that_points_inside_is_not_followed() {
    let world = World::new();
    for template in [
        "https://127.0.0.1/w?resource={uri}",
        "http://a.example/w?resource={uri}",
    ] {
        let body = format!("<XRD><Link rel='lrdd' template='{template}'/></XRD>");
        let at = "https://c.example/.well-known/host-meta";
        world.web.serve_as(at, "application/xrd+xml", body);
        let outcome = world.directory.resolve_handle("@alice@c.example").await;
        assert!(outcome.is_err(), "{template}");
        assert!(
            world
                .web
                .requests()
                .iter()
                .all(|sent| sent.url.host_str() == Some("c.example"))
        );
    }
}
