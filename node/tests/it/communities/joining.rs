//! Coming and going: visibility, invitations, bans, and what ends by itself.

use std::sync::Arc;
use std::time::Duration;

use federation_core::testing::{ManualClock, TestDatabase, on_each_backend};
use federation_core::{Clock, Timestamp};
use http::Method;
use serde_json::{Value, json};

use super::village::{Village, people};
use crate::app::{Member, Reply, TestApp};
use crate::chat::world::World;

#[test]
fn a_community_is_found_and_joined_as_its_visibility_says() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["ann"]).await;
        let [ann] = &members[..] else { panic!() };
        let make = |slug: &str, visibility: &str| json!({"slug": slug, "name": slug, "visibility": visibility});
        let refused = ann
            .post("/api/v1/communities", &make("mine", "public"))
            .await;
        refused.expect_problem(403, "forbidden");
        let mut ids = Vec::new();
        for visibility in ["public", "unlisted", "private"] {
            let new = make(&format!("the-{visibility}"), visibility);
            let community = operator.post("/api/v1/communities", &new).await.expect(201);
            ids.push(community["id"].as_str().unwrap().to_owned());
        }
        let again = operator
            .post("/api/v1/communities", &make("the-public", "public"))
            .await;
        again.expect_problem(409, "slug_taken");
        let wrong = operator
            .post("/api/v1/communities", &make("The Public", "public"))
            .await;
        wrong.expect_problem(422, "invalid_slug");
        let found = ann
            .get("/api/v1/communities?scope=public")
            .await
            .expect(200);
        let slugs = |found: &Value| -> Vec<String> {
            let items = found["items"].as_array().unwrap().iter();
            items
                .map(|item| item["slug"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(slugs(&found), ["the-public", "main"]);
        let expected = [(200, 200), (200, 200), (404, 404)];
        for (id, (shown, joined)) in ids.iter().zip(expected) {
            let path = format!("/api/v1/communities/{id}");
            assert_eq!(ann.get(&path).await.status, shown, "{id}");
            assert_eq!(
                ann.get(&format!("{path}/members")).await.status,
                404,
                "{id}"
            );
            let joining = ann.post(&format!("{path}/join"), &json!({})).await;
            assert_eq!(joining.status, joined, "{id}: {:#}", joining.json);
        }
        let mine = ann.get("/api/v1/communities").await.expect(200);
        assert_eq!(slugs(&mine), ["main", "the-public", "the-unlisted"]);
        let path = format!("/api/v1/communities/{}", ids[0]);
        let leaving = operator.delete(&format!("{path}/members/@me")).await;
        leaving.expect_problem(409, "owner_stays");
        ann.delete(&path).await.expect_problem(403, "owner_only");
        operator.delete(&path).await.expect(204);
        ann.get(&path).await.expect_problem(404, "not_found");
        assert_eq!(
            slugs(&ann.get("/api/v1/communities").await.expect(200)),
            ["main", "the-unlisted"]
        );
        // The address of what was there is given to nothing else.
        let again = operator
            .post("/api/v1/communities", &make("the-public", "public"))
            .await;
        again.expect_problem(409, "slug_taken");
        world.stop().await;
    });
}

#[test]
fn invitations_are_counted_listed_and_taken_back() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob", "carl"]).await;
        let [owner, ann, bob, carl] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        let code = village.invite(owner, &json!({"max_uses": 1})).await;
        let join = json!({"invite": code});
        let joined = ann
            .post("/api/v1/communities/join", &join)
            .await
            .expect(200);
        assert_eq!(joined["id"], village.id);
        // Coming in twice takes one use; a second person finds none left.
        let refused = bob.post("/api/v1/communities/join", &join).await;
        refused.expect_problem(403, "invalid_community_invite");
        for code in ["", "nonsense"] {
            let refused = bob
                .post("/api/v1/communities/join", &json!({"invite": code}))
                .await;
            refused.expect_problem(403, "invalid_community_invite");
        }
        // Everyone sees their own, those who manage them all; no code is shown again.
        let anns = village.invite(ann, &json!({"expires_in": 3600})).await;
        let listed = ann.get(&village.path("/invites")).await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed:#}");
        let all = owner.get(&village.path("/invites")).await.expect(200);
        assert_eq!(all["items"].as_array().unwrap().len(), 2);
        assert!(!all.to_string().contains(&anns) && !all.to_string().contains("\"code\""));
        let of_owner = all["items"][1]["id"].as_str().unwrap();
        let path = village.path(&format!("/invites/{of_owner}"));
        ann.delete(&path).await.expect_problem(404, "not_found");
        let of_ann = all["items"][0]["id"].as_str().unwrap();
        owner
            .delete(&village.path(&format!("/invites/{of_ann}")))
            .await
            .expect(204);
        let refused = carl
            .post("/api/v1/communities/join", &json!({"invite": anns}))
            .await;
        refused.expect_problem(403, "invalid_community_invite");
        // Nobody comes back by an invitation of their own.
        let own = village.invite(ann, &json!({})).await;
        let path = village.path(&format!("/members/{}", ann.id));
        owner.delete(&path).await.expect(204);
        let refused = ann
            .post("/api/v1/communities/join", &json!({"invite": own}))
            .await;
        refused.expect_problem(403, "invalid_community_invite");
        for terms in [
            json!({"max_uses": 0}),
            json!({"max_uses": 1001}),
            json!({"expires_in": 59}),
            json!({"expires_in": 31_708_800}),
        ] {
            let refused = owner.post(&village.path("/invites"), &terms).await;
            refused.expect_problem(422, "invalid_terms");
        }
        world.stop().await;
    });
}

#[test]
fn I2_eight_people_at_once_use_an_invitation_for_three() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner"]).await;
        let village = Village::found(&operator, &members[0], "village").await;
        let code = village.invite(&members[0], &json!({"max_uses": 3})).await;
        let mut crowd = Vec::new();
        for number in 0..8 {
            crowd.push(world.member(&format!("guest{number}")).await);
        }
        let join = json!({"invite": code});
        let tries = crowd
            .iter()
            .map(|guest| guest.post("/api/v1/communities/join", &join));
        let answers = futures_util::future::join_all(tries).await;
        let let_in = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(let_in, 3);
        assert_eq!(
            operator.get(&village.path("")).await.expect(200)["member_count"],
            4
        );
        world.stop().await;
    });
}

/// A community whose clock stands still, with one channel; `ann` and `bob` have accounts.
struct Standing {
    clock: Arc<ManualClock>,
    app: TestApp,
    owner: Member,
    ann: Member,
    bob: Member,
    /// The address of the community.
    path: String,
    /// The address of the messages in its channel.
    messages: String,
}

impl Standing {
    async fn start(database: TestDatabase) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let app = TestApp::start_with(database, time, |_| {}).await;
        let owner = app.signup("owner").await;
        let (ann, bob) = (app.signup("ann").await, app.signup("bob").await);
        let mut here = Self {
            clock,
            app,
            owner,
            ann,
            bob,
            path: "/api/v1/communities".to_owned(),
            messages: String::new(),
        };
        let new = json!({"slug": "village", "name": "Village"});
        let made = here.by_owner(Method::POST, "", &new).await;
        here.path = format!("{}/{}", here.path, made.text("/id"));
        let square = json!({"name": "square"});
        let made = here.by_owner(Method::POST, "/channels", &square).await;
        here.messages = format!("/api/v1/channels/{}/messages", made.text("/id"));
        here
    }

    async fn call(&self, who: &Member, method: Method, path: &str, body: &Value) -> Reply {
        let call = self.app.call(method, path).bearer(&who.access);
        call.json(body).send().await
    }

    /// What the owner does below the address of the community; it succeeds.
    async fn by_owner(&self, method: Method, rest: &str, body: &Value) -> Reply {
        let path = format!("{}{rest}", self.path);
        let reply = self.call(&self.owner, method, &path, body).await;
        assert!(reply.status.is_success(), "{:#}", reply.json);
        reply
    }

    /// What brings whoever has it into the community.
    async fn invite(&self, terms: &Value) -> Value {
        let made = self.by_owner(Method::POST, "/invites", terms).await;
        json!({"invite": made.json["code"]})
    }

    async fn join(&self, who: &Member, invite: &Value) -> Reply {
        let path = "/api/v1/communities/join";
        self.call(who, Method::POST, path, invite).await
    }

    async fn write(&self, who: &Member) -> Reply {
        let word = json!({"content": "word"});
        self.call(who, Method::POST, &self.messages, &word).await
    }
}

#[test]
fn invitations_and_time_outs_end_by_the_clock() {
    on_each_backend(async |database| {
        let here = Standing::start(database).await;
        let invite = here.invite(&json!({"expires_in": 60})).await;
        let joined = here.join(&here.ann, &invite).await;
        assert_eq!(joined.status, 200, "{:#}", joined.json);
        here.clock.advance(Duration::from_mins(1));
        let late = here.join(&here.bob, &invite).await;
        late.assert_problem(403, "invalid_community_invite");
        // Silenced for ten seconds.
        let member = format!("/members/{}", here.ann.id);
        let quiet = json!({"time_out_seconds": 10});
        here.by_owner(Method::PATCH, &member, &quiet).await;
        let refused = here.write(&here.ann).await;
        refused.assert_problem(403, "timed_out");
        here.clock.advance(Duration::from_secs(10));
        assert_eq!(here.write(&here.ann).await.status, 201);
        here.app.stop().await;
    });
}

#[test]
fn bans_end_by_the_clock_or_are_taken_back() {
    on_each_backend(async |database| {
        let here = Standing::start(database).await;
        let invite = here.invite(&json!({})).await;
        assert_eq!(here.join(&here.ann, &invite).await.status, 200);
        let ban = format!("/bans/{}", here.ann.id);
        let minute = json!({"seconds": 60, "reason": "turnips"});
        here.by_owner(Method::PUT, &ban, &minute).await;
        let refused = here.join(&here.ann, &invite).await;
        refused.assert_problem(403, "banned");
        here.write(&here.ann).await.assert_problem(404, "not_found");
        here.clock.advance(Duration::from_mins(1));
        let back = here.join(&here.ann, &invite).await;
        assert_eq!(back.status, 200, "{:#}", back.json);
        // Whoever was not even a member may be banned, and come all the same once it is taken back.
        let ban = format!("/bans/{}", here.bob.id);
        here.by_owner(Method::PUT, &ban, &json!({})).await;
        let listed = here.by_owner(Method::GET, "/bans", &json!({})).await;
        let bans = listed.json["items"].as_array().unwrap();
        assert_eq!(bans.len(), 1, "{:#}", listed.json);
        let refused = here.join(&here.bob, &invite).await;
        refused.assert_problem(403, "banned");
        here.by_owner(Method::DELETE, &ban, &json!({})).await;
        let joined = here.join(&here.bob, &invite).await;
        assert_eq!(joined.status, 200, "{:#}", joined.json);
        here.app.stop().await;
    });
}

#[test]
fn attack_a_ban_is_shortened_and_lifted_only_from_above_whoever_set_it() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let names = ["owner", "ann", "bob", "cid"];
        let (operator, members) = people(&world, &names).await;
        let [owner, ann, bob, cid] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        for member in [ann, bob] {
            village.let_in(owner, member).await;
        }
        let held = ["ban_members"];
        let warden = village.role(owner, "warden", &held).await;
        let helper = village.role(owner, "helper", &held).await;
        village.give(owner, &warden, ann).await;
        village.give(owner, &helper, bob).await;
        let ban = village.path(&format!("/bans/{}", cid.id));
        let spam = json!({"reason": "spam"});
        ann.put(&ban, &spam).await.expect(200);
        let short = json!({"seconds": 60});
        let refused = bob.put(&ban, &short).await;
        refused.expect_problem(403, "out_of_reach");
        let refused = bob.delete(&ban).await;
        refused.expect_problem(403, "out_of_reach");
        // Another reason is taken, and the ban stays that of the one who stands higher.
        let again = bob.put(&ban, &json!({"reason": "more of it"})).await;
        assert_eq!(again.expect(200)["banned_by"], ann.id);
        let log = owner.get(&village.path("/audit-log")).await.expect(200);
        let entry = &log["items"][0];
        assert_eq!(entry["before"]["reason"], "spam", "{log:#}");
        assert_eq!(entry["after"]["reason"], "more of it", "{log:#}");
        let refused = bob.delete(&ban).await;
        refused.expect_problem(403, "out_of_reach");
        let shorter = ann.put(&ban, &short).await.expect(200);
        assert!(shorter["expires_at"].is_string(), "{shorter:#}");
        ann.delete(&ban).await.expect(204);
        let log = owner.get(&village.path("/audit-log")).await.expect(200);
        let entry = &log["items"][0];
        assert_eq!(entry["action"], "member.unban", "{log:#}");
        assert_eq!(entry["before"]["banned_by"], ann.id);
        // One's own, and that of somebody lower, is lifted.
        bob.put(&ban, &spam).await.expect(200);
        bob.delete(&ban).await.expect(204);
        bob.put(&ban, &spam).await.expect(200);
        ann.delete(&ban).await.expect(204);
        world.stop().await;
    });
}
