//! Collections: paged, bounded, and ended when they loop.

use super::*;
use crate::fetch::{CollectionItems, CollectionLimits};

const OUTBOX: &str = "https://a.example/outbox";

fn page(id: &str, items: &[&str], next: Option<&str>) -> Value {
    json!({"id": id, "type": "OrderedCollectionPage", "partOf": OUTBOX, "orderedItems": items, "next": next})
}

fn outer(first: &Value) -> Value {
    json!({"id": OUTBOX, "type": "OrderedCollection", "totalItems": 3, "first": first})
}

async fn read(world: &World, limits: CollectionLimits) -> CollectionItems {
    world
        .directory
        .collection(&url(OUTBOX), limits)
        .await
        .unwrap()
}

#[tokio::test]
async fn reads_pages_in_order_to_the_end() {
    let world = World::new();
    let (one, two) = (
        "https://a.example/outbox?p=1",
        "https://a.example/outbox?p=2",
    );
    world.web.serve(
        one,
        &page(
            one,
            &["https://a.example/1", "https://a.example/2"],
            Some(two),
        ),
    );
    world
        .web
        .serve(two, &page(two, &["https://a.example/3"], None));
    for first in [
        json!(one),
        page(
            one,
            &["https://a.example/1", "https://a.example/2"],
            Some(two),
        ),
    ] {
        world.web.serve(OUTBOX, &outer(&first));
        let read = read(&world, CollectionLimits::default()).await;
        let ids: Vec<_> = read
            .items
            .iter()
            .map(|item| item.id().unwrap().path())
            .collect();
        assert_eq!(ids, ["/1", "/2", "/3"]);
        assert!(read.complete);
        assert_eq!(read.total_items, Some(3));
    }
}

#[tokio::test]
async fn attack_57_ends_loops_and_endless_pages() {
    let world = World::new();
    let one = "https://a.example/outbox?p=1";
    world.web.serve(OUTBOX, &outer(&json!(one)));
    for next in [one, OUTBOX] {
        world
            .web
            .serve(one, &page(one, &["https://a.example/1"], Some(next)));
        let read = read(&world, CollectionLimits::default()).await;
        assert_eq!((read.items.len(), read.complete), (1, false), "{next}");
    }
    let before = world.web.requests().len();
    for number in 1..100 {
        let id = format!("https://a.example/outbox?p={number}");
        let next = format!("https://a.example/outbox?p={}", number + 1);
        world
            .web
            .serve(&id, &page(&id, &["https://a.example/1"; 30], Some(&next)));
    }
    let read_pages = read(&world, CollectionLimits::default()).await;
    assert_eq!((read_pages.items.len(), read_pages.complete), (300, false));
    assert_eq!(world.web.requests().len() - before, 11);
    let few = read(&world, CollectionLimits::new(10, 40)).await;
    assert_eq!((few.items.len(), few.complete), (40, false));
}

#[tokio::test]
async fn attack_57_refuses_a_page_with_too_many_entries_and_pages_elsewhere() {
    let world = World::new();
    let many: Vec<_> = (0..10_000).map(|_| "https://a.example/1").collect();
    world.web.serve(OUTBOX, &page(OUTBOX, &many, None));
    let error = world
        .directory
        .collection(&url(OUTBOX), CollectionLimits::default())
        .await;
    assert!(matches!(error, Err(DirectoryError::Vocab(_))));
    let elsewhere = "https://b.example/outbox?p=1";
    world
        .web
        .serve(elsewhere, &page(elsewhere, &["https://a.example/1"], None));
    world.web.serve(OUTBOX, &outer(&json!(elsewhere)));
    let read_none = read(&world, CollectionLimits::default()).await;
    assert_eq!((read_none.items.len(), read_none.complete), (0, false));
    assert_eq!(world.web.count(elsewhere), 0);
    let via = "https://a.example/outbox?p=1";
    world.redirect(via, elsewhere);
    world.web.serve(OUTBOX, &outer(&json!(via)));
    assert_eq!(
        read(&world, CollectionLimits::default()).await.items.len(),
        0
    );
}
