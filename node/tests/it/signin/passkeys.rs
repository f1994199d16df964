//! Passkeys, made and used by a software authenticator.

use std::time::Duration;

use federation_core::testing::{TestDatabase, on_each_backend};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;
use webauthn_authenticator_rs::AuthenticatorBackend;
use webauthn_authenticator_rs::softpasskey::SoftPasskey;
use webauthn_rs::prelude::{
    CreationChallengeResponse, PublicKeyCredential, RequestChallengeResponse,
};

use super::world::World;
use crate::app::{Member, PASSWORD, Reply};

const PASSKEYS: &str = "/api/v1/auth/passkeys";
const ORIGIN: &str = "https://chat.example";

async fn start(database: TestDatabase) -> World {
    World::start_with(database, |config| {
        config.server.public_url = Some(ORIGIN.to_owned());
    })
    .await
}

/// A browser with an authenticator that verifies its member.
struct Browser {
    authenticator: SoftPasskey,
    /// The credential and its owner, as an authenticator keeps them.
    kept: Option<(String, Uuid)>,
    origin: Url,
}

impl Browser {
    fn new() -> Self {
        Self {
            authenticator: SoftPasskey::new(true),
            kept: None,
            origin: Url::parse(ORIGIN).unwrap(),
        }
    }

    /// `navigator.credentials.create()`.
    fn create(&mut self, options: &Value, member: &Member) -> Value {
        let mut options = options.clone();
        let selection = &mut options["publicKey"]["authenticatorSelection"];
        assert_eq!(selection["residentKey"], "required");
        assert_eq!(selection["userVerification"], "required");
        // This authenticator keeps nothing itself; `kept` stands in.
        selection["requireResidentKey"] = json!(false);
        let options: CreationChallengeResponse = serde_json::from_value(options).unwrap();
        let origin = self.origin.clone();
        let made = AuthenticatorBackend::perform_register(
            &mut self.authenticator,
            origin,
            options.public_key,
            60_000,
        );
        let made = serde_json::to_value(made.unwrap()).unwrap();
        let id = made["id"].as_str().unwrap().to_owned();
        self.kept = Some((id, member.id.parse().unwrap()));
        made
    }

    /// `navigator.credentials.get()`.
    fn get(&mut self, options: &Value) -> PublicKeyCredential {
        let (id, owner) = self.kept.clone().unwrap();
        let mut options = options.clone();
        options["publicKey"]["allowCredentials"] = json!([{"type": "public-key", "id": id}]);
        let options: RequestChallengeResponse = serde_json::from_value(options).unwrap();
        let origin = self.origin.clone();
        let answer = AuthenticatorBackend::perform_auth(
            &mut self.authenticator,
            origin,
            options.public_key,
            60_000,
        );
        let mut answer = answer.unwrap();
        answer.response.user_handle = Some(owner.as_bytes().to_vec());
        answer
    }
}

async fn options(world: &World, member: &Member) -> Value {
    let path = format!("{PASSKEYS}/options");
    let body = json!({"password": PASSWORD});
    let reply = world.send(Method::POST, &path, member, &body).await;
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json);
    assert_eq!(reply.headers["cache-control"], "no-store");
    reply.json
}

async fn register(world: &World, browser: &mut Browser, member: &Member) -> Reply {
    let begun = options(world, member).await;
    let credential = browser.create(&begun["options"], member);
    let body = json!({
        "challenge": begun["challenge"], "name": "My phone", "credential": credential,
    });
    world.send(Method::POST, PASSKEYS, member, &body).await
}

async fn challenge(world: &World) -> Value {
    let path = format!("{PASSKEYS}/challenge");
    let reply = world.app.call(Method::POST, &path).send().await;
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json);
    reply.json
}

async fn answer(world: &World, challenge: &Value, credential: &PublicKeyCredential) -> Reply {
    let body = json!({"challenge": challenge, "credential": credential});
    let path = format!("{PASSKEYS}/login");
    world.app.post(&path, &body).await
}

#[test]
fn a_passkey_is_made_named_used_and_taken_away() {
    on_each_backend(async |database| {
        let world = start(database).await;
        let alice = world.app.signup("alice").await;
        let bob = world.app.signup("bob").await;
        let mut browser = Browser::new();
        let path = format!("{PASSKEYS}/options");
        let wrong = json!({"password": "not the password"});
        let refused = world.send(Method::POST, &path, &alice, &wrong).await;
        refused.assert_problem(403, "wrong_password");
        let made = register(&world, &mut browser, &alice).await;
        assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.json);
        let id = made.text("/id");
        // Even with a second factor, for the passkey holds two.
        world.second_factor(&alice).await;
        for _ in 0..2 {
            let begun = challenge(&world).await;
            let credential = browser.get(&begun["options"]);
            let reply = answer(&world, &begun["challenge"], &credential).await;
            assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json);
            assert_eq!(reply.text("/user/username"), "alice");
            let me = world
                .app
                .get("/api/v1/users/@me", &reply.member().access)
                .await;
            assert_eq!(me.text("/username"), "alice");
        }
        let one = format!("{PASSKEYS}/{id}");
        let name = json!({"name": "Old phone"});
        let foreign = world.send(Method::PATCH, &one, &bob, &name).await;
        foreign.assert_problem(404, "not_found");
        let named = world.send(Method::PATCH, &one, &alice, &name).await;
        assert_eq!(named.text("/name"), "Old phone");
        assert!(named.json["last_used_at"].is_string());
        let foreign = world.send(Method::DELETE, &one, &bob, &json!({})).await;
        foreign.assert_problem(404, "not_found");
        let gone = world.send(Method::DELETE, &one, &alice, &json!({})).await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
        let audited = world.audited(&alice).await;
        assert_eq!(audited, ["passkey.add", "totp.enable", "passkey.remove"]);
        let begun = challenge(&world).await;
        let credential = browser.get(&begun["options"]);
        let refused = answer(&world, &begun["challenge"], &credential).await;
        refused.assert_problem(401, "passkey_refused");
        let list = world.app.get(PASSKEYS, &alice.access).await;
        assert_eq!(list.json["items"], json!([]));
        world.app.stop().await;
    });
}

#[test]
fn attack_an_answer_counts_once_and_in_its_time() {
    on_each_backend(async |database| {
        let world = start(database).await;
        let alice = world.app.signup("alice").await;
        let mut browser = Browser::new();
        register(&world, &mut browser, &alice).await;
        let begun = challenge(&world).await;
        let credential = browser.get(&begun["options"]);
        let tries = (0..8).map(|_| answer(&world, &begun["challenge"], &credential));
        let replies = join_all(tries).await;
        let good = replies
            .iter()
            .filter(|reply| reply.status == StatusCode::OK);
        assert_eq!(good.count(), 1);
        let replay = answer(&world, &begun["challenge"], &credential).await;
        replay.assert_problem(401, "passkey_refused");
        // An answer to one challenge is none to another.
        let other = challenge(&world).await;
        let swapped = answer(&world, &other["challenge"], &credential).await;
        swapped.assert_problem(401, "passkey_refused");
        let late = challenge(&world).await;
        let credential = browser.get(&late["options"]);
        world.time.advance(Duration::from_mins(5));
        let late = answer(&world, &late["challenge"], &credential).await;
        late.assert_problem(401, "passkey_refused");
        // Neither is one that nobody sealed here.
        let forged = answer(&world, &json!("AAAA"), &credential).await;
        forged.assert_problem(401, "passkey_refused");
        world.app.stop().await;
    });
}

#[test]
fn attack_a_passkey_of_another_account_or_origin_is_refused() {
    on_each_backend(async |database| {
        let world = start(database).await;
        let alice = world.app.signup("alice").await;
        let bob = world.app.signup("bob").await;
        let mut browser = Browser::new();
        register(&world, &mut browser, &alice).await;
        let mut of_bob = Browser::new();
        register(&world, &mut of_bob, &bob).await;
        // Bob's key, said to be Alice's.
        let begun = challenge(&world).await;
        let mut credential = of_bob.get(&begun["options"]);
        let alice_id: Uuid = alice.id.parse().unwrap();
        credential.response.user_handle = Some(alice_id.as_bytes().to_vec());
        let refused = answer(&world, &begun["challenge"], &credential).await;
        refused.assert_problem(401, "passkey_refused");
        // Alice's credential id under Bob's signature.
        let mut credential = of_bob.get(&begun["options"]);
        let hers = browser.get(&begun["options"]);
        credential.id.clone_from(&hers.id);
        credential.raw_id = hers.raw_id.clone();
        credential.response.user_handle = hers.response.user_handle.clone();
        let refused = answer(&world, &begun["challenge"], &credential).await;
        refused.assert_problem(401, "passkey_refused");
        // Without a name it is nobody's.
        let mut credential = browser.get(&begun["options"]);
        credential.response.user_handle = None;
        let refused = answer(&world, &begun["challenge"], &credential).await;
        refused.assert_problem(401, "passkey_refused");
        // Fished on another site, another port, another scheme.
        for origin in [
            "https://chat.example.evil.example",
            "https://chat.example:444",
            "http://chat.example",
        ] {
            browser.origin = Url::parse(origin).unwrap();
            let credential = browser.get(&begun["options"]);
            let refused = answer(&world, &begun["challenge"], &credential).await;
            refused.assert_problem(401, "passkey_refused");
        }
        browser.origin = Url::parse(ORIGIN).unwrap();
        let credential = browser.get(&begun["options"]);
        let good = answer(&world, &begun["challenge"], &credential).await;
        assert_eq!(good.status, StatusCode::OK, "{:?}", good.json);
        world.app.stop().await;
    });
}

#[test]
fn attack_a_passkey_is_made_by_the_session_that_asked_and_once() {
    on_each_backend(async |database| {
        let world = start(database).await;
        let alice = world.app.signup("alice").await;
        let bob = world.app.signup("bob").await;
        let again = world.login("alice", None).await.member();
        let mut browser = Browser::new();
        let begun = options(&world, &alice).await;
        let credential = browser.create(&begun["options"], &alice);
        let body = json!({"challenge": begun["challenge"], "name": "x", "credential": credential});
        for other in [&bob, &again] {
            let refused = world.send(Method::POST, PASSKEYS, other, &body).await;
            refused.assert_problem(422, "invalid_passkey");
        }
        let made = world.send(Method::POST, PASSKEYS, &alice, &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.json);
        let replay = world.send(Method::POST, PASSKEYS, &alice, &body).await;
        replay.assert_problem(422, "invalid_passkey");
        // A challenge to make one is none to sign in by.
        let sign_in = challenge(&world).await;
        let credential = browser.get(&sign_in["options"]);
        let mixed = answer(&world, &begun["challenge"], &credential).await;
        mixed.assert_problem(401, "passkey_refused");
        world.app.stop().await;
    });
}

#[test]
fn attack_a_copied_passkey_shows_by_its_counter() {
    on_each_backend(async |database| {
        let world = start(database).await;
        let alice = world.app.signup("alice").await;
        let mut browser = Browser::new();
        register(&world, &mut browser, &alice).await;
        // The counter of the earlier answer is behind by the time it comes.
        let early = challenge(&world).await;
        let of_copy = browser.get(&early["options"]);
        let begun = challenge(&world).await;
        let credential = browser.get(&begun["options"]);
        let good = answer(&world, &begun["challenge"], &credential).await;
        assert_eq!(good.status, StatusCode::OK, "{:?}", good.json);
        let copy = answer(&world, &early["challenge"], &of_copy).await;
        copy.assert_problem(401, "passkey_refused");
        world.app.stop().await;
    });
}

#[test]
fn there_are_none_where_browsers_make_none() {
    on_each_backend(async |database| {
        let world = World::start(database).await;
        let path = format!("{PASSKEYS}/challenge");
        let reply = world.app.call(Method::POST, &path).send().await;
        reply.assert_problem(501, "passkeys_unavailable");
        world.app.stop().await;
    });
}
