//! Searches by members of many channels, and of few where much is said elsewhere.

use std::collections::BTreeSet;

use federation_core::testing::on_each_backend;
use serde_json::json;

use super::search::{EVERYWHERE, found, of_channel, set, these};
use super::world::World;
use crate::communities::village::{Village, people};

#[test]
fn a_member_of_hundreds_of_channels_misses_nothing() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let mut expected = BTreeSet::new();
        // More than a query names one by one.
        for index in 0..140 {
            let name = format!("room-{index}");
            let room = village.channel(owner, &json!({"name": name})).await;
            if index % 20 == 0 {
                let text = format!("crumb {index}");
                owner.say(&room, &text).await;
                expected.insert(text);
            }
        }
        let hidden = village.channel(owner, &json!({"name": "cellar"})).await;
        // So many that what the other may read is not among the first that are looked at.
        for _ in 0..205 {
            owner.say(&hidden, "crumb in the cellar").await;
        }
        let path = format!("/api/v1/channels/{hidden}");
        let private = json!({"is_private": true});
        owner.patch(&path, &private).await.expect(200);
        assert_eq!(set(ann, EVERYWHERE, "crumb").await, expected);
        let newest = found(ann, EVERYWHERE, &[("q", "crumb"), ("order", "newest")]).await;
        assert_eq!(BTreeSet::from_iter(newest), expected);
        expected.insert("crumb in the cellar".to_owned());
        assert_eq!(set(owner, EVERYWHERE, "crumb").await, expected);
        let cellar = of_channel(&hidden);
        let there = these(&["crumb in the cellar"]);
        assert_eq!(set(owner, &cellar, "crumb").await, there);
    });
}

#[test]
fn what_is_mostly_said_elsewhere_is_found_where_the_reader_is() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let open = village.channel(owner, &json!({"name": "open"})).await;
        let hidden = village.channel(owner, &json!({"name": "cellar"})).await;
        let path = format!("/api/v1/channels/{hidden}");
        owner
            .patch(&path, &json!({"is_private": true}))
            .await
            .expect(200);
        let mut said = Vec::new();
        for index in 0..14 {
            let text = format!("crumb {index}");
            owner.say(&open, &text).await;
            said.push(text);
            if index == 11 {
                for _ in 0..205 {
                    owner.say(&hidden, "crumb in the cellar").await;
                }
            }
        }
        said.reverse();
        let newest = [("q", "crumb"), ("order", "newest")];
        assert_eq!(found(ann, EVERYWHERE, &newest).await, said);
        said.sort();
        let mut ranked = found(ann, EVERYWHERE, &[("q", "crumb")]).await;
        ranked.sort();
        assert_eq!(ranked, said);
    });
}
