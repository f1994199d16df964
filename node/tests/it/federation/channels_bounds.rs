//! Bounds of what strangers make of a channel: deliveries to others, and rows.

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{TestDatabase, on_each_backend};
use federation_core::vocab::{Activity, Actor, ActorKind, public_url};
use folkmoot::base::ids::ChannelId;
use folkmoot::channels::group::{Outcome, receive_follow};
use folkmoot::groups;
use folkmoot::groups::model::{Form, MAX_FOLLOWERS_OF_NODE};
use folkmoot::platform::db::schema::outgoing_activities;
use url::Url;

use super::channels::square;
use crate::chat::world::World;

/// An actor of a node, with an inbox at that node.
fn stranger(node: &str, name: &str) -> Actor {
    let id: Url = format!("https://{node}/users/{name}").parse().unwrap();
    let inbox = format!("https://{node}/users/{name}/inbox");
    Actor::new(id, ActorKind::Person, inbox.parse().unwrap())
}

/// What becomes of a `Follow` by an actor, and how many activities are queued after it.
async fn follow(world: &World, channel: ChannelId, actor: Actor) -> (Outcome, i64) {
    let ctx = world.app.ctx().clone();
    let group: Url = world.url(&format!("/channels/{channel}")).parse().unwrap();
    let id: Url = format!("{}#follow", actor.id).parse().unwrap();
    let asked =
        Activity::follow(id, actor.id.clone(), group).addressed_to(vec![public_url()], Vec::new());
    let write = move |connection: &mut Connection| {
        let asking = (&asked, &actor);
        let outcome = receive_follow(&ctx, connection, channel, asking, Form::Activity)?;
        let queued: i64 = outgoing_activities::table.count().get_result(connection)?;
        Ok::<_, DatabaseError>((outcome, queued))
    };
    world.app.ctx().db().write(write).await.unwrap()
}

#[test]
fn who_names_an_inbox_of_others_is_told_nothing() {
    on_each_backend(async |database: TestDatabase| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (_, square) = square(&alice).await;
        let channel: ChannelId = square.parse().unwrap();
        let mut eve = stranger("eve.example", "eve");
        eve.inbox = "https://victim.example/users/victim/inbox".parse().unwrap();
        let (outcome, queued) = follow(&world, channel, eve).await;
        assert_eq!((outcome, queued), (Outcome::Ignored, 0));
        let count = move |connection: &mut Connection| groups::store::count(connection, channel);
        assert_eq!(world.app.ctx().db().read(count).await.unwrap(), 0);
        // With an inbox of their own they are let in.
        let (outcome, queued) = follow(&world, channel, stranger("eve.example", "eve")).await;
        assert_eq!((outcome, queued), (Outcome::Accepted, 1));
        drop(alice);
        world.stop().await;
    });
}

#[test]
fn one_node_does_not_fill_a_channel() {
    on_each_backend(async |database: TestDatabase| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (_, square) = square(&alice).await;
        let channel: ChannelId = square.parse().unwrap();
        let known = stranger("many.example", "known");
        let (outcome, _) = follow(&world, channel, known.clone()).await;
        assert_eq!(outcome, Outcome::Accepted);
        let others = MAX_FOLLOWERS_OF_NODE - 1;
        let numbers = format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {others})"
        );
        let people = format!(
            "{numbers} INSERT INTO users (id, username, domain, actor_uri, search_key, display_name, \
             bio, role, created_at, updated_at) SELECT 'many' || i, 'u' || i, 'many.example', \
             'https://many.example/users/' || i, 'u' || i, '', '', 'user', 0, 0 FROM n"
        );
        let followers = format!(
            "{numbers} INSERT INTO group_followers (channel_id, user_id, activity_id, form, inbox, \
             created_at) SELECT '{square}', 'many' || i, 'https://many.example/follows/' || i, \
             'activity', 'https://many.example/users/' || i || '/inbox', 0 FROM n"
        );
        let fill = move |connection: &mut Connection| {
            for statement in [&people, &followers] {
                diesel::sql_query(statement.clone()).execute(connection)?;
            }
            Ok::<_, DatabaseError>(())
        };
        world.app.ctx().db().write(fill).await.unwrap();
        let (outcome, _) = follow(&world, channel, stranger("many.example", "more")).await;
        assert_eq!(outcome, Outcome::Rejected);
        // Who is in it may say so again, and other nodes come in.
        let (outcome, _) = follow(&world, channel, known).await;
        assert_eq!(outcome, Outcome::Accepted);
        let (outcome, _) = follow(&world, channel, stranger("few.example", "one")).await;
        assert_eq!(outcome, Outcome::Accepted);
        drop(alice);
        world.stop().await;
    });
}
