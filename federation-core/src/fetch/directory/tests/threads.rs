//! Conversations: walked by a queue, bounded, and believed only where both sides agree.

use super::*;
use crate::fetch::ThreadLimits;
use crate::vocab::Object;

const CONTEXT: &str = "https://a.example/c";

fn note(id: &str, answers: Option<&str>, context: Option<&str>) -> Value {
    json!({"id": id, "type": "Note", "inReplyTo": answers, "context": context, "content": "?"})
}

/// A directory without the bound of fetches from one host, so that the walk's own bounds show.
fn unbounded() -> World {
    let mut config = DirectoryConfig::default();
    config.budget.burst = 1_000_000;
    World::with(config, None)
}

fn first() -> Object {
    Object::from_value(note(
        "https://a.example/n/0",
        Some("https://a.example/n/1"),
        None,
    ))
    .unwrap()
}

#[tokio::test]
async fn goes_back_to_the_first_message() {
    let world = World::new();
    world.web.serve(
        "https://a.example/n/1",
        &note("https://a.example/n/1", Some("https://b.example/n/2"), None),
    );
    world.web.serve(
        "https://b.example/n/2",
        &note("https://b.example/n/2", None, None),
    );
    let thread = world
        .directory
        .ancestors(&first(), ThreadLimits::default())
        .await;
    let ids: Vec<_> = thread
        .objects
        .iter()
        .map(|object| object.id.clone().unwrap())
        .collect();
    assert_eq!(
        ids,
        [url("https://a.example/n/1"), url("https://b.example/n/2")]
    );
    assert!(thread.complete);
}

#[tokio::test]
async fn attack_58_long_and_circular_chains_of_replies_end() {
    let world = unbounded();
    for number in 1..10_000 {
        let (id, next) = (
            format!("https://a.example/n/{number}"),
            format!("https://a.example/n/{}", number + 1),
        );
        world.web.serve(&id, &note(&id, Some(&next), None));
    }
    let thread = world
        .directory
        .ancestors(&first(), ThreadLimits::default())
        .await;
    assert_eq!((thread.objects.len(), thread.complete), (100, false));
    assert_eq!(world.web.requests().len(), 100);
    // No recursion: a chain as long as asked for needs no more stack.
    let whole = world
        .directory
        .ancestors(&first(), ThreadLimits::new(20_000))
        .await;
    assert_eq!((whole.objects.len(), whole.complete), (9_999, false));

    let world = unbounded();
    for (id, next) in [("1", "2"), ("2", "3"), ("3", "1")] {
        let (id, next) = (
            format!("https://a.example/n/{id}"),
            format!("https://a.example/n/{next}"),
        );
        world.web.serve(&id, &note(&id, Some(&next), None));
    }
    let circle = world
        .directory
        .ancestors(&first(), ThreadLimits::default())
        .await;
    assert_eq!((circle.objects.len(), circle.complete), (3, false));
    world.web.serve(
        "https://a.example/n/1",
        &note("https://a.example/n/1", Some("https://a.example/n/0"), None),
    );
    let back = world
        .directory
        .ancestors(&first(), ThreadLimits::default())
        .await;
    assert_eq!((back.objects.len(), back.complete), (1, false));
}

#[tokio::test(start_paused = true)]
async fn attack_58_a_chain_that_hangs_gives_what_was_read() {
    let world = World::new();
    world.web.hold();
    let started = tokio::time::Instant::now();
    let thread = world
        .directory
        .ancestors(&first(), ThreadLimits::default())
        .await;
    assert_eq!((thread.objects.len(), thread.complete), (0, false));
    assert!(started.elapsed() <= Duration::from_secs(30));
}

#[tokio::test]
async fn fills_in_a_conversation_from_its_owner() {
    let world = World::new();
    let elsewhere = "https://b.example/n/2";
    world
        .web
        .serve(elsewhere, &note(elsewhere, None, Some(CONTEXT)));
    let announced = "https://b.example/n/4";
    world
        .web
        .serve(announced, &note(announced, None, Some(CONTEXT)));
    world.web.serve(
        CONTEXT,
        &json!({
            "id": CONTEXT, "type": "OrderedCollection", "attributedTo": ALICE,
            "orderedItems": [
                note("https://a.example/n/1", None, Some(CONTEXT)),
                elsewhere,
                elsewhere,
                {"id": "https://a.example/add", "type": "Add", "actor": ALICE, "object": announced},
            ],
        }),
    );
    let read = world
        .directory
        .conversation(&url(CONTEXT), ThreadLimits::default())
        .await
        .unwrap();
    let ids: Vec<_> = read
        .objects
        .iter()
        .map(|object| object.id.clone().unwrap())
        .collect();
    assert_eq!(
        ids,
        [url("https://a.example/n/1"), url(elsewhere), url(announced)]
    );
    assert_eq!(read.owner, Some(url(ALICE)));
    assert_eq!((read.left_out, read.complete), (0, true));
}

#[tokio::test]
async fn attack_37_a_conversation_does_not_speak_for_what_others_wrote() {
    let world = World::new();
    let (forged, unrelated) = ("https://b.example/n/1", "https://b.example/n/2");
    let mut genuine = note(forged, None, Some(CONTEXT));
    genuine["content"] = json!("real");
    world.web.serve(forged, &genuine);
    world.web.serve(
        unrelated,
        &note(unrelated, None, Some("https://b.example/c")),
    );
    world.web.serve(
        CONTEXT,
        &json!({
            "id": CONTEXT, "type": "OrderedCollection",
            "orderedItems": [
                note(forged, None, Some(CONTEXT)),
                note(unrelated, None, Some(CONTEXT)),
                {"type": "Note", "context": CONTEXT, "content": "anonymous"},
                "https://b.example/missing",
                "https://127.0.0.1/inside",
            ],
        }),
    );
    let read = world
        .directory
        .conversation(&url(CONTEXT), ThreadLimits::default())
        .await
        .unwrap();
    assert_eq!(read.objects.len(), 1);
    assert_eq!(read.objects[0].content.as_deref(), Some("real"));
    assert_eq!(read.left_out, 4);
    assert_eq!(world.web.count("https://127.0.0.1/inside"), 0);

    world.web.serve(
        CONTEXT,
        &json!({"id": CONTEXT, "type": "Collection", "attributedTo": BOB}),
    );
    let foreign = world
        .directory
        .conversation(&url(CONTEXT), ThreadLimits::default())
        .await;
    assert!(matches!(foreign, Err(DirectoryError::ForeignOwner { .. })));
}

#[tokio::test]
async fn attack_57_a_conversation_cannot_be_used_to_flood_somebody() {
    let world = unbounded();
    let victims: Vec<_> = (0..1_000)
        .map(|n| format!("https://victim.example/{n}"))
        .collect();
    world.web.serve(
        CONTEXT,
        &json!({"id": CONTEXT, "type": "Collection", "items": victims}),
    );
    let read = world
        .directory
        .conversation(&url(CONTEXT), ThreadLimits::new(20))
        .await
        .unwrap();
    assert!(!read.complete);
    assert_eq!(world.web.requests().len(), 21);
}
