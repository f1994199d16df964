//! Whoever guesses passwords and codes learns nothing and gets slower.

use std::time::Duration;

use federation_core::testing::on_each_backend;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::world::World;
use crate::app::{PASSWORD, Reply};

fn guess(name: &str) -> serde_json::Value {
    json!({"username": name, "password": "not the password"})
}

fn retry_after(reply: &Reply) -> u64 {
    reply.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn attack_an_unknown_name_costs_the_same_work_and_slows_down_alike() {
    on_each_backend(async |database| {
        let world = World::start(database).await;
        world.app.signup("alice").await;
        let worked = || world.app.app().parts().auth.passwords.worked();
        let mut seen = Vec::new();
        for name in ["alice", "nobody"] {
            let mut answers = Vec::new();
            for _ in 0..12 {
                let before = worked();
                let reply = world.login_from("198.51.100.1", &guess(name)).await;
                let wait = reply.headers.get("retry-after").cloned();
                let detail = reply.text("/detail");
                answers.push((reply.status, wait, detail, worked() - before));
            }
            seen.push(answers);
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0][9].0, StatusCode::UNAUTHORIZED);
        assert_eq!(seen[0][9].3, 1);
        assert_eq!(seen[0][10].0, StatusCode::TOO_MANY_REQUESTS);
        // Who waits costs no work.
        assert_eq!(seen[0][10].3, 0);
        world.app.stop().await;
    });
}

#[test]
fn attack_guesses_of_one_account_get_slower_and_the_right_password_does_not_help() {
    on_each_backend(async |database| {
        let world = World::start(database).await;
        world.app.signup("alice").await;
        let mut waits = Vec::new();
        for _ in 0..19 {
            let reply = world.login_from("198.51.100.1", &guess("alice")).await;
            if reply.status == StatusCode::TOO_MANY_REQUESTS {
                waits.push(retry_after(&reply));
                // Nothing is told while waiting, not even to who has the right one.
                let body = json!({"username": "alice", "password": PASSWORD});
                let right = world.login_from("198.51.100.2", &body).await;
                right.assert_problem(429, "too_many_requests");
                world.time.advance(Duration::from_secs(retry_after(&reply)));
            } else {
                reply.assert_problem(401, "wrong_credentials");
                continue;
            }
            let next = world.login_from("198.51.100.1", &guess("alice")).await;
            next.assert_problem(401, "wrong_credentials");
        }
        assert_eq!(waits[..8], [5, 10, 20, 40, 80, 160, 320, 640]);
        assert_eq!(waits[8], 900);
        // After a quiet time the count starts anew.
        world.time.advance(Duration::from_mins(31));
        for _ in 0..9 {
            let reply = world.login_from("198.51.100.1", &guess("alice")).await;
            reply.assert_problem(401, "wrong_credentials");
        }
        assert_eq!(world.login("alice", None).await.status, StatusCode::OK);
        world.app.stop().await;
    });
}

#[test]
fn attack_guesses_at_once_are_no_more_than_one_after_the_other() {
    on_each_backend(async |database| {
        let world = World::start(database).await;
        world.app.signup("alice").await;
        let guesses = (0..40).map(|number| {
            let address = format!("198.51.100.{number}");
            let world = &world;
            async move { world.login_from(&address, &guess("alice")).await }
        });
        let replies = join_all(guesses).await;
        let looked_at = |reply: &&Reply| reply.status == StatusCode::UNAUTHORIZED;
        assert_eq!(replies.iter().filter(looked_at).count(), 10);
        world.app.stop().await;
    });
}

#[test]
fn attack_strangers_do_not_lock_a_member_out_where_they_signed_in_before() {
    on_each_backend(async |database| {
        let world = World::start(database).await;
        world.app.signup("alice").await;
        // Here she was before.
        assert_eq!(world.login("alice", None).await.status, StatusCode::OK);
        for _ in 0..11 {
            world.login_from("198.51.100.1", &guess("alice")).await;
        }
        let body = json!({"username": "alice", "password": PASSWORD});
        let elsewhere = world.login_from("198.51.100.9", &body).await;
        elsewhere.assert_problem(429, "too_many_requests");
        assert_eq!(world.login("alice", None).await.status, StatusCode::OK);
        // Guesses from there are counted all the same.
        for _ in 0..10 {
            world.login_from("192.0.2.1", &guess("alice")).await;
        }
        world
            .login("alice", None)
            .await
            .assert_problem(429, "too_many_requests");
        world.app.stop().await;
    });
}

#[test]
fn attack_spraying_one_password_over_many_names_slows_the_address_down() {
    on_each_backend(async |database| {
        let world = World::start(database).await;
        world.app.signup("alice").await;
        let spray = async |name: String, address: &str| {
            let body = json!({"username": name, "password": "correct horse"});
            world.login_from(address, &body).await
        };
        let mut looked_at = 0;
        for round in 0..13 {
            let names = (0..10).map(|number| spray(format!("name{round}x{number}"), "2001:db8::1"));
            let replies = join_all(names).await;
            let refused = |reply: &&Reply| reply.status == StatusCode::UNAUTHORIZED;
            looked_at += replies.iter().filter(refused).count();
        }
        assert!((100..110).contains(&looked_at), "{looked_at}");
        // Its whole network waits, and nobody else.
        let neighbour = spray("alice".to_owned(), "2001:db8::ffff").await;
        neighbour.assert_problem(429, "too_many_requests");
        let stranger = spray("alice".to_owned(), "2001:db8:0:1::1").await;
        stranger.assert_problem(401, "wrong_credentials");
        world.app.stop().await;
    });
}

#[test]
fn attack_codes_of_the_second_factor_cannot_be_tried_through() {
    on_each_backend(async |database| {
        let world = World::start(database).await;
        let alice = world.app.signup("alice").await;
        let (secret, _) = world.second_factor(&alice).await;
        let body =
            |otp: Option<&str>| json!({"username": "alice", "password": PASSWORD, "otp": otp});
        let mut looked_at = 0;
        for number in 0..30 {
            let otp = format!("{:06}", number * 7919);
            if otp == world.code(&secret) {
                continue;
            }
            let reply = world.login_from("198.51.100.1", &body(Some(&otp))).await;
            looked_at += usize::from(reply.json["code"] == "wrong_otp");
            // Asking without a code in between wins no further tries.
            world.login_from("198.51.100.1", &body(None)).await;
        }
        assert!((9..=10).contains(&looked_at), "{looked_at}");
        // An open session is no way around it.
        let totp = "/api/v1/auth/totp";
        let mut refused = Vec::new();
        for number in 0..12 {
            let body = json!({"password": PASSWORD, "code": format!("{number:06}")});
            let reply = world.send(Method::DELETE, totp, &alice, &body).await;
            refused.push(reply.status);
        }
        assert_eq!(refused[9], StatusCode::FORBIDDEN);
        assert_eq!(refused[10], StatusCode::TOO_MANY_REQUESTS);
        world.app.stop().await;
    });
}
