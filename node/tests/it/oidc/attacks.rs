//! Ways around the issuer that must not work.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use federation_core::testing::on_each_backend;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::issuer::{Back, Issuer};
use super::{World, finished};

/// A member must not be signed in to the account of whoever sends them a link.
#[test]
fn attack_login_csrf_and_mix_up_lead_nowhere() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| config.oidc.auto_register = true).await;
        let (mine, other) = (world.begin().await, world.begin().await);
        let back = world.lead(&other, "mallory").await;
        // The attacker's code and state in the member's client.
        let refused = world.finish(&mine, &back).await;
        refused.assert_problem(400, "invalid_state");
        // The attacker's code under the member's own state.
        let own = world.lead(&mine, "carol").await;
        let crossed = Back {
            code: back.code.clone(),
            ..own.clone()
        };
        let refused = world.finish(&mine, &crossed).await;
        refused.assert_problem(401, "oidc_refused");
        // Another issuer answers (RFC 9207), or none says who it is.
        let mine = world.begin().await;
        let own = world.lead(&mine, "carol").await;
        let mixed = Back {
            iss: "https://evil.example".to_owned(),
            ..own.clone()
        };
        world
            .finish(&mine, &mixed)
            .await
            .assert_problem(400, "invalid_state");
        let mut silent = finished(&mine, &own);
        silent.as_object_mut().unwrap().remove("iss");
        let refused = world.app.post("/api/v1/auth/oidc/finish", &silent).await;
        refused.assert_problem(400, "invalid_state");
        // Nothing of this used it up.
        assert_eq!(world.finish(&mine, &own).await.status, StatusCode::OK);
        // Once.
        world
            .finish(&mine, &own)
            .await
            .assert_problem(400, "invalid_state");
        world.app.stop().await;
    });
}

#[test]
fn attack_a_sign_in_counts_in_its_time_and_for_what_it_was_begun() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| config.oidc.auto_register = true).await;
        let alice = world.app.signup("alice").await;
        let started = world.begin().await;
        let back = world.lead(&started, "carol").await;
        // A sign-in is no link.
        let path = "/api/v1/auth/oidc/links/finish";
        let link = world.app.call(Method::POST, path).bearer(&alice.access);
        let link = link.json(&finished(&started, &back)).send().await;
        link.assert_problem(400, "invalid_state");
        let mut damaged = started.clone();
        damaged["binding"] = Value::from(BASE64URL.encode(b"a binding of my own"));
        world
            .finish(&damaged, &back)
            .await
            .assert_problem(400, "invalid_state");
        world.time.advance(Duration::from_mins(10));
        world
            .finish(&started, &back)
            .await
            .assert_problem(400, "invalid_state");
        world.app.stop().await;
    });
}

/// Issuer and subject alone say who somebody is.
#[test]
fn attack_a_name_or_an_address_takes_over_no_account() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| config.oidc.auto_register = true).await;
        let alice = world.app.signup("alice").await;
        let same = world.app.call(Method::PATCH, "/api/v1/users/@me");
        let same = same.bearer(&alice.access);
        let body = json!({"email": "alice@example.org"});
        assert_eq!(same.json(&body).send().await.status, StatusCode::OK);
        let came = world.sign_in("alice").await;
        assert_eq!(came.status, StatusCode::OK, "{:#}", came.json);
        let me = world.me(&came.text("/access_token")).await;
        assert_ne!(me.json["id"], alice.id);
        assert_eq!(me.json["username"], "alice2");
        world.app.stop().await;
    });
}

#[test]
fn attack_forged_tokens_of_the_issuer_are_refused() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| {
            config.oidc.accept_bearer = true;
            config.oidc.auto_register = true;
        })
        .await;
        world.sign_in("carol").await;
        let (good, _) = world.issuer.tokens("carol").await;
        assert_eq!(world.me(&good).await.status, StatusCode::OK);
        let parts: Vec<&str> = good.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            panic!("{good}")
        };
        let read = |part: &str| -> Value {
            serde_json::from_slice(&BASE64URL.decode(part).unwrap()).unwrap()
        };
        let write = |value: &Value| BASE64URL.encode(value.to_string());
        let with = |part: &str, name: &str, value: Value| {
            let mut changed = read(part);
            changed[name] = value;
            write(&changed)
        };
        let none = with(header, "alg", json!("none"));
        let hmac = with(header, "alg", json!("HS256"));
        // The public key as a secret.
        let set = world.issuer.key_set().await;
        let key = PKey::hmac(set.as_bytes()).unwrap();
        let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
        signer
            .update(format!("{hmac}.{claims}").as_bytes())
            .unwrap();
        let by_hmac = BASE64URL.encode(signer.sign_to_vec().unwrap());
        let stranger = Issuer::start("RS256");
        let (foreign, _) = stranger.tokens("carol").await;
        let foreign_signature = foreign.rsplit('.').next().unwrap();
        for (what, token) in [
            ("none", format!("{none}.{claims}.")),
            ("hmac", format!("{hmac}.{claims}.{by_hmac}")),
            (
                "another algorithm",
                format!(
                    "{}.{claims}.{signature}",
                    with(header, "alg", json!("PS256"))
                ),
            ),
            (
                "another key",
                format!(
                    "{}.{claims}.{signature}",
                    with(header, "kid", json!("mine"))
                ),
            ),
            (
                "another person",
                format!(
                    "{header}.{}.{signature}",
                    with(claims, "sub", json!("alice"))
                ),
            ),
            (
                "another audience",
                format!("{header}.{}.{signature}", with(claims, "aud", json!("x"))),
            ),
            ("another issuer", foreign.clone()),
            (
                "the signature of another issuer",
                format!("{header}.{claims}.{foreign_signature}"),
            ),
            ("no signature", format!("{header}.{claims}.")),
            ("cut", good.chars().take(good.len() - 8).collect()),
        ] {
            let refused = world.me(&token).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{what}");
            assert_eq!(refused.json["code"], "invalid_token", "{what}");
        }
        // A token ends, for this node too.
        world.time.advance(Duration::from_hours(2));
        world.me(&good).await.assert_problem(401, "invalid_token");
        world.app.stop().await;
    });
}
