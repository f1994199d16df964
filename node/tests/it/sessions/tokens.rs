//! What must not pass for an access token, and that no cookie ever does.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use federation_core::Timestamp;
use federation_core::store::sql::Backend;
use federation_core::testing::{ManualClock, TestDatabase, on_each_backend};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer as Hmac;
use reqwest::Method;
use serde_json::{Value, json};

use super::forge::{self, Signer, shown};
use crate::app::{PASSWORD, TestApp};

fn changed(value: &Value, key: &str, to: Value) -> Value {
    let mut value = value.clone();
    match to {
        Value::Null => drop(value.as_object_mut().unwrap().remove(key)),
        to => value[key] = to,
    }
    value
}

#[test]
fn attack_algorithms_are_not_the_choice_of_a_token() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let member = app.signup("alice").await;
        let (header, claims) = forge::of(&member);
        let keys = app.call(Method::GET, "/.well-known/jwks.json").send().await;
        let x = keys.text("/keys/0/x");
        let y = keys.text("/keys/0/y");
        // The public key in every form in which it could be taken for a secret.
        let mut point = vec![4];
        point.extend(BASE64URL.decode(&x).unwrap());
        point.extend(BASE64URL.decode(&y).unwrap());
        let group =
            openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).unwrap();
        let mut context = openssl::bn::BigNumContext::new().unwrap();
        let public = openssl::ec::EcPoint::from_bytes(&group, &point, &mut context).unwrap();
        let public = openssl::ec::EcKey::from_public_key(&group, &public).unwrap();
        let secrets = [
            public.public_key_to_der().unwrap(),
            public.public_key_to_pem().unwrap(),
            point,
            x.into_bytes(),
            keys.json["keys"][0].to_string().into_bytes(),
            Vec::from("secret"),
        ];
        for secret in &secrets {
            for (alg, digest) in [
                ("HS256", MessageDigest::sha256()),
                ("HS384", MessageDigest::sha384()),
                ("HS512", MessageDigest::sha512()),
            ] {
                let header = changed(&header, "alg", json!(alg));
                let key = PKey::hmac(secret).unwrap();
                let mut hmac = Hmac::new(digest, &key).unwrap();
                hmac.update(forge::unsigned(&header, &claims).as_bytes())
                    .unwrap();
                let token = forge::with(&header, &claims, &hmac.sign_to_vec().unwrap());
                assert_eq!(shown(&app, &token).await, "invalid_token", "{alg}");
            }
        }
        let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let rs256 = changed(&header, "alg", json!("RS256"));
        let mut signer = Hmac::new(MessageDigest::sha256(), &rsa).unwrap();
        signer
            .update(forge::unsigned(&rs256, &claims).as_bytes())
            .unwrap();
        let token = forge::with(&rs256, &claims, &signer.sign_to_vec().unwrap());
        assert_eq!(shown(&app, &token).await, "invalid_token");
        for alg in [
            "none", "None", "NONE", "nOnE", "", "ES384", "EdDSA", "PS256",
        ] {
            let header = changed(&header, "alg", json!(alg));
            for signature in [&[][..], &[0; 64]] {
                let token = forge::with(&header, &claims, signature);
                assert_eq!(shown(&app, &token).await, "invalid_token", "{alg}");
            }
        }
        assert_eq!(shown(&app, &member.access).await, "ok");
        app.stop().await;
    });
}

#[test]
fn attack_keys_come_from_the_table_and_never_from_the_token() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let member = app.signup("alice").await;
        let (header, claims) = forge::of(&member);
        let thief = Signer::foreign();
        let own = json!(member.id);
        for header in [
            // The right id with another key, and the key brought along in every way.
            header.clone(),
            changed(&header, "jwk", thief.jwk(&header["kid"])),
            changed(
                &changed(&header, "jwk", thief.jwk(&own)),
                "kid",
                own.clone(),
            ),
            changed(&header, "jku", json!(format!("{}/jwks.json", app.origin()))),
            changed(&header, "x5u", json!("https://thief.example/cert.pem")),
            changed(&header, "kid", Value::Null),
            changed(&header, "kid", json!("")),
            changed(&header, "kid", json!("../../../../dev/null")),
            changed(&header, "kid", json!("' OR '1'='1")),
            changed(&header, "kid", json!("x".repeat(1000))),
            changed(&header, "kid", own),
        ] {
            let token = thief.sign(&header, &claims);
            assert_eq!(shown(&app, &token).await, "invalid_token", "{header}");
        }
        assert_eq!(shown(&app, &member.access).await, "ok");
        app.stop().await;
    });
}

#[test]
fn attack_tokens_of_the_right_key_with_wrong_words_are_refused() {
    on_each_backend(async |database| {
        let start = Timestamp::from_millis(1_795_190_734_032);
        let clock = Arc::new(ManualClock::new(start));
        let app = TestApp::start_with(database, clock, |_| {}).await;
        let member = app.signup("alice").await;
        let other = app.signup("bob").await;
        let signer = Signer::of(&app).await;
        let (header, claims) = forge::of(&member);
        // What is put together here is what the server makes.
        assert_eq!(shown(&app, &signer.sign(&header, &claims)).await, "ok");
        let now = start.as_seconds();
        let times =
            |iat: i64, exp: i64| changed(&changed(&claims, "iat", json!(iat)), "exp", json!(exp));
        for (header, claims, outcome) in [
            (header.clone(), times(now + 60, now + 900), "ok"),
            (header.clone(), times(now + 61, now + 900), "invalid_token"),
            (header.clone(), times(now, now + 3600), "ok"),
            (header.clone(), times(now, now + 3601), "invalid_token"),
            (header.clone(), times(now, i64::MAX), "invalid_token"),
            (header.clone(), times(i64::MIN, i64::MAX), "invalid_token"),
            (header.clone(), times(now - 900, now), "token_expired"),
            (header.clone(), times(now - 900, now - 1), "token_expired"),
            (
                header.clone(),
                changed(&claims, "aud", json!("https://other.example")),
                "invalid_token",
            ),
            (
                header.clone(),
                changed(&claims, "iss", json!("https://other.example")),
                "invalid_token",
            ),
            // The session of one member with the name of another.
            (
                header.clone(),
                changed(&claims, "sub", json!(other.id)),
                "invalid_token",
            ),
            (
                changed(&header, "typ", json!("JWT")),
                claims.clone(),
                "invalid_token",
            ),
            (
                changed(&header, "typ", Value::Null),
                claims.clone(),
                "invalid_token",
            ),
            (
                changed(&header, "crit", json!(["exp"])),
                claims.clone(),
                "invalid_token",
            ),
        ] {
            let token = signer.sign(&header, &claims);
            assert_eq!(shown(&app, &token).await, outcome, "{header} {claims}");
        }
        for missing in ["iss", "aud", "sub", "sid", "iat", "exp"] {
            let token = signer.sign(&header, &changed(&claims, missing, Value::Null));
            assert_eq!(shown(&app, &token).await, "invalid_token", "{missing}");
        }
        app.stop().await;
    });
}

#[test]
fn a_remembered_token_still_expires_and_ends() {
    on_each_backend(async |database| {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let time = Arc::clone(&clock);
        let app = TestApp::start_with(database, clock, |_| {}).await;
        let member = app.signup("alice").await;
        let other = app.login("alice").await;
        for _ in 0..3 {
            assert_eq!(shown(&app, &member.access).await, "ok");
            assert_eq!(shown(&app, &other.access).await, "ok");
        }
        let sent = json!({"refresh_token": other.refresh});
        app.post("/api/v1/auth/logout", &sent).await;
        assert_eq!(shown(&app, &other.access).await, "session_ended");
        time.advance(Duration::from_mins(15));
        assert_eq!(shown(&app, &member.access).await, "token_expired");
        app.stop().await;
    });
}

#[test]
fn attack_a_token_of_another_instance_is_refused() {
    on_each_backend(async |database| {
        let elsewhere = TestDatabase::create(Backend::Sqlite);
        // Both are called the same, so only their keys tell them apart.
        let named = |config: &mut folkmoot::config::Config| {
            config.server.public_url = Some("https://moot.example".to_owned());
        };
        let clock = || Arc::new(federation_core::SystemClock);
        let here = TestApp::start_with(database, clock(), named).await;
        let there = TestApp::start_with(elsewhere, clock(), named).await;
        let foreign = there.signup("alice").await;
        here.signup("alice").await;
        assert_eq!(shown(&there, &foreign.access).await, "ok");
        assert_eq!(shown(&here, &foreign.access).await, "invalid_token");
        here.stop().await;
        there.stop().await;
    });
}

#[test]
fn attack_cookies_are_neither_set_nor_read() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let member = app.signup("alice").await;
        let session = app.get("/api/v1/auth/sessions", &member.access).await;
        let session = format!("/api/v1/auth/sessions/{}", session.text("/items/0/id"));
        let login = json!({"username": "alice", "password": PASSWORD});
        let signup = json!({"username": "carol", "password": PASSWORD});
        let token = json!({"refresh_token": "unknown"});
        let name = json!({"name": "x"});
        let none = json!({});
        let all = [
            (Method::POST, "/api/v1/auth/signup", &signup, false),
            (Method::POST, "/api/v1/auth/login", &login, false),
            (Method::POST, "/api/v1/auth/refresh", &token, false),
            (Method::POST, "/api/v1/auth/logout", &token, false),
            (Method::GET, "/.well-known/jwks.json", &none, false),
            (Method::GET, "/api/v1/auth/sessions", &none, true),
            (Method::PATCH, &session, &name, true),
            (Method::DELETE, "/api/v1/auth/sessions", &none, true),
            (Method::DELETE, &session, &none, true),
            (Method::POST, "/api/v1/auth/logout-everywhere", &none, true),
        ];
        let cookies = format!(
            "token={0}; access_token={0}; session={0}; Authorization=Bearer {0}; refresh_token={1}",
            member.access, member.refresh
        );
        for with_token in [false, true] {
            for (method, path, body, is_private) in &all {
                let mut call = app
                    .call(method.clone(), path)
                    .header("cookie", &cookies)
                    .json(body);
                if with_token {
                    let fresh = app.login("alice").await;
                    call = call.bearer(&fresh.access);
                }
                let reply = call.send().await;
                assert!(!reply.headers.contains_key("set-cookie"), "{path}");
                if *is_private && !with_token {
                    reply.assert_problem(401, "unauthenticated");
                }
            }
            if !with_token {
                // Nothing was ended by them either.
                assert_eq!(shown(&app, &member.access).await, "ok");
            }
        }
        app.stop().await;
    });
}
