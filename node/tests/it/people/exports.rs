//! Members take along what the node holds about them.

use std::collections::BTreeSet;
use std::time::Duration;

use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{TestDatabase, on_each_backend};
use folkmoot::base::ids::{ChannelId, MessageId, UserId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::download::{
    Download, EXPORT, ask, download, give_credentials, refused, spelled, stored_secrets,
};
use super::staff::{call, make_role, put_roles};
use crate::app::{Member, PASSWORD, TestApp};
use crate::federation::pair::{actor, contents, conversation, handle, pair, until};
use crate::signin::world::World;

/// Messages of a member whose archive does not fit into what sockets hold.
const MANY: usize = 3_000;
/// What alice writes about bob, in his profile.
const BIO_OF_BOB: &str = "likes quiet rooms";
/// Whom alice keeps out.
const BLOCKED: &str = "198.51.100.7";
/// Every entry of a small archive.
const ENTRIES: [&str; 19] = [
    "account.json",
    "activitypub/actor.json",
    "activitypub/followers.csv",
    "activitypub/following_accounts.csv",
    "activitypub/outbox.json",
    "audit.jsonl",
    "communities.jsonl",
    "conversations.jsonl",
    "edits.jsonl",
    "follows.jsonl",
    "grants.jsonl",
    "identities.jsonl",
    "invitations.jsonl",
    "manifest.yml",
    "marks.jsonl",
    "messages-0001.jsonl",
    "passkeys.jsonl",
    "personal.jsonl",
    "sessions.jsonl",
];

async fn talk(app: &TestApp, from: &Member, to: &str) -> String {
    let body = json!({"recipients": [to]});
    let opened = call(app, Method::POST, "/api/v1/dms", from, &body).await;
    assert!(opened.status.is_success(), "{:#}", opened.json);
    opened.text("/id")
}

async fn say(app: &TestApp, from: &Member, channel: &str, content: &str) -> String {
    let path = format!("/api/v1/channels/{channel}/messages");
    let said = call(app, Method::POST, &path, from, &json!({"content": content})).await;
    assert_eq!(said.status, StatusCode::CREATED, "{:#}", said.json);
    format!("{path}/{}", said.text("/id"))
}

/// A member of whom the node holds something of every kind.
struct Alice {
    member: Member,
    /// Their conversation with bob.
    shared: String,
    /// What they were shown once.
    plain: Vec<String>,
    /// The secret of their second factor.
    secret: Vec<u8>,
}

async fn alice(world: &World) -> Alice {
    let app = &world.app;
    let owner = app.signup("owner").await;
    let member = app.signup("alice").await;
    let privileges = ["manage_invites", "edit_users", "manage_blocked_ips"];
    let role = make_role(app, &owner, "Greeters", &privileges).await;
    let given = put_roles(app, &owner, &member, "moderator", &[role.as_str()]).await;
    assert!(given.status.is_success(), "{:#}", given.json);
    let profile = json!({"bio": "fond of tea", "email": "alice@example.org"});
    let changed = call(app, Method::PATCH, "/api/v1/users/@me", &member, &profile).await;
    assert_eq!(changed.status, StatusCode::OK, "{:#}", changed.json);
    let token = json!({"name": "bot", "scopes": ["read"], "expires_in_days": 30});
    let token = call(app, Method::POST, "/api/v1/auth/tokens", &member, &token).await;
    let invites = "/api/v1/auth/invites";
    let invite = call(app, Method::POST, invites, &member, &json!({})).await;
    assert_eq!(invite.status, StatusCode::CREATED, "{:#}", invite.json);
    give_credentials(app, &member).await;
    let shared = people(app, &member).await;
    let (secret, codes) = world.second_factor(&member).await;
    let mut plain = codes;
    plain.extend([token.text("/token"), invite.text("/code")]);
    plain.extend([member.access.clone(), member.refresh.clone()]);
    plain.push(PASSWORD.to_owned());
    Alice {
        member,
        shared,
        plain,
        secret,
    }
}

/// Whom alice knows, and what is said; answers the conversation with bob.
async fn people(app: &TestApp, alice: &Member) -> String {
    let (bob, carol) = (app.signup("bob").await, app.signup("carol").await);
    for (who, whom) in [(alice, "bob"), (&carol, "alice")] {
        let follow = "/api/v1/federation/follow";
        let followed = call(app, Method::POST, follow, who, &json!({"handle": whom})).await;
        assert_eq!(followed.status, StatusCode::OK, "{:#}", followed.json);
    }
    let shared = talk(app, alice, "bob").await;
    say(app, alice, &shared, "first *words*").await;
    let edited = say(app, alice, &shared, "befor").await;
    let deleted = say(app, alice, &shared, "taken back by alice").await;
    say(app, &bob, &shared, "an answer").await;
    let withdrawn = say(app, &bob, &shared, "taken back by bob").await;
    let better = json!({"content": "before"});
    for (method, path, who, body) in [
        (Method::PATCH, edited, alice, better),
        (Method::DELETE, deleted, alice, Value::Null),
        (Method::DELETE, withdrawn, &bob, Value::Null),
    ] {
        let done = call(app, method, &path, who, &body).await;
        assert!(done.status.is_success(), "{:#}", done.json);
    }
    let theirs = format!("/api/v1/admin/users/{}", bob.id);
    let bio = json!({"bio": BIO_OF_BOB});
    let edited = call(app, Method::PATCH, &theirs, alice, &bio).await;
    assert_eq!(edited.status, StatusCode::OK, "{:#}", edited.json);
    let block = json!({"network": BLOCKED, "reason": "of one person"});
    let blocks = "/api/v1/admin/blocked-addresses";
    let blocked = call(app, Method::POST, blocks, alice, &block).await;
    assert_eq!(blocked.status, StatusCode::CREATED, "{:#}", blocked.json);
    in_the_community(app, alice).await;
    let elsewhere = talk(app, &bob, "carol").await;
    say(app, &bob, &elsewhere, "not for alice").await;
    shared
}

/// A name in the community of all accounts, and something said there.
async fn in_the_community(app: &TestApp, alice: &Member) {
    let communities = app.get("/api/v1/communities", &alice.access).await;
    let path = format!("/api/v1/communities/{}", communities.text("/items/0/id"));
    let (own, name) = (format!("{path}/members/@me"), json!({"nickname": "Al"}));
    let named = call(app, Method::PATCH, &own, alice, &name).await;
    assert_eq!(named.status, StatusCode::OK, "{:#}", named.json);
    let channels = app.get(&format!("{path}/channels"), &alice.access).await;
    say(app, alice, &channels.text("/items/0/id"), "hello all").await;
}

impl Alice {
    async fn take(&self, world: &World) -> Download {
        let body = json!({"password": PASSWORD, "otp": world.code(&self.secret)});
        Download::of(ask(&world.app, &self.member.access, &body).await).await
    }
}

#[test]
fn members_take_along_all_that_is_held_of_them() {
    on_each_backend(async |database| {
        let world = World::start(database).await;
        let alice = alice(&world).await;
        let taken = alice.take(&world).await;
        let names: Vec<&str> = taken.files.keys().map(String::as_str).collect();
        assert_eq!(names, ENTRIES);
        check_account(&taken);
        check_activitypub(&taken, &world.app);
        let messages = taken.lines("messages");
        let shown = |one: &Value| (text(&one["content"]), one["is_own"] == true);
        let said: Vec<_> = messages.iter().map(shown).collect();
        let own = |content: &str| (content.to_owned(), true);
        let answer = ("an answer".to_owned(), false);
        let (first, last) = (own("first *words*"), own("hello all"));
        assert_eq!(said, [first, own("before"), own(""), answer, last]);
        assert!(messages[1]["edited_at"].is_string());
        assert!(messages[2]["deleted_at"].is_string());
        let bob = format!("@bob@{}", world.app.app().address());
        assert_eq!(messages[3]["author"], bob);
        let communities = taken.lines("communities");
        assert_eq!(communities.len(), 1, "{communities:#?}");
        assert_eq!(communities[0]["what"], "membership");
        assert_eq!(communities[0]["nickname"], "Al");
        let conversations = taken.lines("conversations");
        assert_eq!(conversations.len(), 1, "{conversations:#?}");
        assert_eq!(conversations[0]["id"], alice.shared);
        let participants = conversations[0]["participants"].as_array().unwrap();
        assert_eq!(participants.len(), 2);
        let acts = taken.lines("audit");
        let own = |act: &&Value| act["actor_id"] == alice.member.id;
        for act in [
            "personal_token.create",
            "totp.enable",
            "user.update",
            "address.block",
            "account.exported",
        ] {
            let found = acts.iter().filter(own).any(|one| one["action"] == act);
            assert!(found, "{act}");
        }
        // What others did to her comes without who it was.
        let others: Vec<&Value> = acts.iter().filter(|act| !own(act)).collect();
        assert_eq!(others.len(), 1, "{others:#?}");
        assert_eq!(others[0]["action"], "user.roles");
        for of_others in ["actor_id", "address", "request_id", "before", "after"] {
            assert_eq!(others[0][of_others], Value::Null, "{of_others}");
        }
        world.app.stop().await;
    });
}

fn check_account(taken: &Download) {
    let account = taken.json("account.json");
    assert_eq!(account["username"], "alice");
    assert_eq!(account["bio"], "fond of tea");
    assert_eq!(account["email"], "alice@example.org");
    assert_eq!(account["role"], "moderator");
    assert_eq!(account["roles"][0]["name"], "Greeters");
    assert!(account["second_factor_since"].is_string(), "{account:#}");
    assert_eq!(account["recovery_codes_left"], 10);
    let sessions = taken.lines("sessions");
    assert_eq!(sessions.len(), 1, "{sessions:#?}");
    assert_eq!(sessions[0]["kind"], "sign_in");
    let grants = taken.lines("grants");
    let granted: BTreeSet<String> = grants.iter().map(|one| text(&one["client"])).collect();
    let wanted = BTreeSet::from(["Knitting club", "bot"].map(str::to_owned));
    assert_eq!(granted, wanted);
    assert_eq!(taken.lines("passkeys")[0]["name"], "yellow key");
    let identity = &taken.lines("identities")[0];
    assert_eq!(identity["issuer"], "https://issuer.example");
    assert_eq!(identity["subject"], "a.liddell");
    assert_eq!(taken.lines("invitations").len(), 1);
    let edits = taken.lines("edits");
    assert_eq!(edits.len(), 1, "{edits:?}");
    assert_eq!(
        (&edits[0]["content"], &edits[0]["revision"]),
        (&json!("befor"), &json!(1))
    );
}

fn check_activitypub(taken: &Download, app: &TestApp) {
    let host = app.app().address();
    let following = taken.text("activitypub/following_accounts.csv");
    let names = "Account address,Show boosts,Notify on new posts,Languages";
    assert_eq!(following, format!("{names}\nbob@{host},true,false,\n"));
    let followers = taken.text("activitypub/followers.csv");
    assert_eq!(followers, format!("Account address\ncarol@{host}\n"));
    let follows = taken.lines("follows");
    let sides: Vec<String> = follows.iter().map(|one| text(&one["side"])).collect();
    assert_eq!(sides, ["following", "follower"]);
    let me = format!("{}/users/alice", app.origin());
    assert_eq!(taken.json("activitypub/actor.json")["id"], me);
    let outbox = taken.json("activitypub/outbox.json");
    assert_eq!(outbox["type"], "OrderedCollection");
    assert_eq!(outbox["id"], format!("{me}/outbox"));
    let items = outbox["orderedItems"].as_array().unwrap();
    assert_eq!(items.len(), 3, "{outbox:#}");
    assert_eq!(items[2]["type"], "Create");
    assert_eq!(items[2]["actor"], me);
    let html = "<p>first <em>words</em></p>";
    assert_eq!(items[2]["object"]["content"], html);
    let manifest = taken.json("manifest.yml");
    assert_eq!(manifest["ubc-version"], "0.1");
    assert_eq!(manifest["meta"]["createdBy"]["controller"], me);
    let listed = &manifest["contents"];
    for name in ENTRIES {
        let path = name.replace('/', "/contents/");
        let found = path.split('/').fold(listed, |inner, key| &inner[key]);
        assert!(found.is_object(), "{name} is not listed: {manifest:#}");
    }
    assert_eq!(listed["messages-0001.jsonl"]["records"], 5);
}

#[test]
fn attack_an_archive_holds_no_secret_and_nothing_of_others() {
    on_each_backend(async |database| {
        let world = World::start(database).await;
        let alice = alice(&world).await;
        let access = &alice.member.access;
        let body = json!({"password": PASSWORD});
        let asked = ask(&world.app, access, &body).await;
        refused(asked, 401, "otp_required").await;
        let wrong = json!({"password": PASSWORD, "otp": "ABCD-EFGH"});
        refused(ask(&world.app, access, &wrong).await, 401, "wrong_otp").await;
        let taken = alice.take(&world).await;
        let of_others = ["not for alice", "taken back by", BIO_OF_BOB, BLOCKED];
        for others in of_others {
            assert!(!taken.holds(others.as_bytes()), "{others}");
        }
        let mut secrets = stored_secrets(&world.app).await;
        secrets.push(alice.secret);
        secrets.extend(alice.plain.into_iter().map(String::into_bytes));
        assert!(secrets.len() > 20, "{}", secrets.len());
        for secret in &secrets {
            let found = spelled(secret).iter().any(|text| taken.holds(text));
            assert!(!found, "{:?}", String::from_utf8_lossy(secret));
        }
        // What is not a secret is found by the same search.
        assert!(taken.holds(b"fond of tea"));
        world.app.stop().await;
    });
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn own_messages_are_taken_along_from_where_the_member_left() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let (alice, bob) = (app.signup("alice").await, app.signup("bob").await);
        let channel = talk(&app, &alice, "bob").await;
        say(&app, &alice, &channel, "still mine").await;
        say(&app, &bob, &channel, "no longer shown").await;
        let (left, member): (ChannelId, UserId) =
            (channel.parse().unwrap(), alice.id.parse().unwrap());
        let leave = move |connection: &mut Connection| {
            use diesel::prelude::*;
            use folkmoot::platform::db::schema::channel_members;
            diesel::delete(channel_members::table.find((left, member))).execute(connection)?;
            Ok::<_, DatabaseError>(())
        };
        app.app().ctx().db().write(leave).await.unwrap();
        let taken = download(&app, &alice).await;
        assert!(taken.lines("conversations").is_empty());
        let messages = taken.lines("messages");
        let said: Vec<String> = messages.iter().map(|one| text(&one["content"])).collect();
        assert_eq!(said, ["still mine"]);
        assert!(!taken.holds(b"no longer shown"));
        let outbox = taken.json("activitypub/outbox.json");
        assert_eq!(outbox["orderedItems"].as_array().unwrap().len(), 1);
        let note = &outbox["orderedItems"][0]["object"];
        assert!(text(&note["content"]).contains("still mine"), "{note:#}");
        // Nor who is there now.
        let there = format!("{}/users/bob", app.origin());
        assert!(!taken.holds(there.as_bytes()), "{note:#}");
        app.stop().await;
    });
}

#[test]
fn attack_an_archive_is_for_the_member_themselves() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let alice = app.signup("alice").await;
        let wrong = json!({"password": "not the password"});
        refused(
            ask(&app, &alice.access, &wrong).await,
            403,
            "wrong_password",
        )
        .await;
        let right = json!({"password": PASSWORD});
        refused(ask(&app, "nobody", &right).await, 401, "invalid_token").await;
        let token = json!({"name": "bot", "scopes": ["read", "write"], "expires_in_days": 1});
        let token = call(&app, Method::POST, "/api/v1/auth/tokens", &alice, &token).await;
        let bot = ask(&app, &token.text("/token"), &right).await;
        refused(bot, 403, "first_party_only").await;
        // None of these took the place of the member, or one of their exports.
        let archive = download(&app, &alice).await;
        let acts = archive.lines("audit");
        let exports = acts
            .iter()
            .filter(|act| act["action"] == "account.exported");
        assert_eq!(exports.count(), 1, "{acts:#?}");
        app.stop().await;
    });
}

#[test]
fn a_member_exports_five_times_a_day() {
    on_each_backend(async |database| {
        let world = World::start(database).await;
        let alice = world.app.signup("alice").await;
        let bob = world.app.signup("bob").await;
        for _ in 0..5 {
            download(&world.app, &alice).await;
        }
        let body = json!({"password": PASSWORD});
        let sixth = ask(&world.app, &alice.access, &body).await;
        let wait: u64 = sixth.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(wait, 24 * 60 * 60);
        refused(sixth, 429, "too_many_requests").await;
        download(&world.app, &bob).await;
        world.time.advance(Duration::from_secs(wait));
        let alice = world.app.login("alice").await;
        download(&world.app, &alice).await;
        world.app.stop().await;
    });
}

/// Puts [`MANY`] messages of one member into a conversation with bob.
async fn fill(app: &TestApp, member: &Member) {
    use diesel::{ExpressionMethods as _, RunQueryDsl as _};
    use folkmoot::platform::db::schema::messages;
    let channel: ChannelId = talk(app, member, "bob").await.parse().unwrap();
    let author: UserId = member.id.parse().unwrap();
    let (now, origin) = (app.app().ctx().now(), app.origin());
    let insert = move |connection: &mut Connection| {
        let long = "x".repeat(1_500);
        for seq in 1..=MANY {
            let id = MessageId::new(now);
            diesel::insert_into(messages::table)
                .values((
                    messages::id.eq(id),
                    messages::channel_id.eq(channel),
                    messages::seq.eq(i64::try_from(seq).unwrap()),
                    messages::author_id.eq(author),
                    messages::uri.eq(format!("{origin}/messages/{id}")),
                    messages::content.eq(format!("{seq} {long}")),
                    messages::html.eq(format!("<p>{seq} {long}</p>")),
                    messages::created_at.eq(now.as_millis()),
                ))
                .execute(connection)?;
        }
        Ok::<_, DatabaseError>(())
    };
    app.app().ctx().db().write(insert).await.unwrap();
}

#[test]
fn a_large_account_leaves_in_parts_and_once_at_a_time() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.signup("bob").await;
        let alice = app.signup("alice").await;
        fill(&app, &alice).await;
        let body = json!({"password": PASSWORD});
        let first = ask(&app, &alice.access, &body).await;
        let second = ask(&app, &alice.access, &body).await;
        refused(second, 409, "export_running").await;
        let taken = Download::of(first).await;
        let parts = taken.parts("messages");
        assert!(parts.len() >= 3, "{parts:?}");
        assert_eq!(parts[1], "messages-0002.jsonl");
        for part in parts {
            let records = taken.text(part).lines().count();
            assert!((1..=1_000).contains(&records), "{part}: {records}");
        }
        let seqs = taken.lines("messages");
        let seqs: Vec<u64> = seqs
            .iter()
            .map(|one| one["seq"].as_u64().unwrap())
            .collect();
        assert!(seqs.iter().copied().eq(1..=u64::try_from(MANY).unwrap()));
        let outbox = taken.parts("activitypub/outbox");
        let mut items = 0;
        for part in &outbox {
            let page = taken.json(part);
            let kind = if *part == "activitypub/outbox.json" {
                "OrderedCollection"
            } else {
                "OrderedCollectionPage"
            };
            assert_eq!(page["type"], kind);
            items += page["orderedItems"].as_array().unwrap().len();
        }
        assert_eq!(items, MANY);
        assert!(outbox.len() >= 3, "{outbox:?}");
        // Who hangs up gives the place back.
        drop(ask(&app, &alice.access, &body).await);
        until("the place of the one that was broken off", async || {
            let next = ask(&app, &alice.access, &body).await;
            (next.status() == StatusCode::OK).then_some(())
        })
        .await;
        app.stop().await;
    });
}

#[test]
fn I9_an_export_ends_with_its_sign_in_and_is_seen_to_be_cut() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.signup("bob").await;
        let alice = app.signup("alice").await;
        fill(&app, &alice).await;
        let begun = ask(&app, &alice.access, &json!({"password": PASSWORD})).await;
        assert_eq!(begun.status(), StatusCode::OK);
        let out = "/api/v1/auth/logout-everywhere";
        let out = call(&app, Method::POST, out, &alice, &Value::Null).await;
        assert_eq!(out.status, StatusCode::NO_CONTENT, "{:#}", out.json);
        assert!(begun.bytes().await.is_err(), "the archive passes for whole");
        app.stop().await;
    });
}

#[test]
fn what_came_from_other_nodes_is_taken_along() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        alice.say(&channel, "hello over there").await;
        let there = conversation(&bob).await;
        until("the message", async || {
            (!contents(&bob, &there).await.is_empty()).then_some(())
        })
        .await;
        bob.say(&there, "and back").await;
        until("the answer", async || {
            (contents(&alice, &channel).await.len() == 2).then_some(())
        })
        .await;
        let whom = json!({"handle": handle(&b, "bob")});
        let follow = "/api/v1/federation/follow";
        alice.post(follow, &whom).await.expect(200);
        until("the follow", async || {
            let list = "/api/v1/federation/following";
            let page = alice.get(list).await.expect(200);
            (page["items"][0]["state"] == "accepted").then_some(())
        })
        .await;
        let body = json!({"password": "correct horse battery staple"});
        let request = alice.request(Method::POST, EXPORT).json(&body);
        let taken = Download::of(request.send().await.unwrap()).await;
        let messages = taken.lines("messages");
        let said: Vec<_> = messages.iter().map(|one| one["content"].clone()).collect();
        assert_eq!(said, ["hello over there", "and back"]);
        assert_eq!(messages[0]["delivery"][0]["recipient"], handle(&b, "bob"));
        assert_eq!(messages[1]["author"], handle(&b, "bob"));
        assert_eq!(messages[1]["delivery"], json!([]));
        let outbox = taken.json("activitypub/outbox.json");
        let to = actor(&b, "bob");
        let note = &outbox["orderedItems"][0]["object"];
        assert!(note["to"].to_string().contains(to.as_str()), "{outbox:#}");
        let rows = taken.text("activitypub/following_accounts.csv");
        let row = handle(&b, "bob");
        assert!(rows.contains(&format!("\n{},true,false,\n", row.trim_start_matches('@'))));
        a.stop().await;
        b.stop().await;
    });
}
