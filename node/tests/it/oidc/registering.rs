//! Accounts that are opened by the issuer keep the rules of all others.

use federation_core::testing::on_each_backend;
use futures_util::future::join;
use reqwest::StatusCode;
use serde_json::json;

use super::World;

/// Whoever comes first owns the node; that is nobody the issuer names.
#[test]
fn attack_nobody_comes_to_own_a_node_by_the_issuer() {
    on_each_backend(async |database| {
        let left = (database, tempfile::tempdir().unwrap());
        let world = World::start_unowned(left, "RS256", |config| {
            config.oidc.auto_register = true;
        })
        .await;
        let refused = world.sign_in("mallory").await;
        refused.assert_problem(403, "no_owner");
        let owner = world.app.signup("olivia").await;
        let me = world.me(&owner.access).await;
        assert_eq!(me.json["role"], "owner");
        let late = world.sign_in("mallory").await;
        assert_eq!(late.status, StatusCode::OK, "{:#}", late.json);
        let me = world.me(&late.text("/access_token")).await;
        assert_eq!(me.json["role"], "user");
        world.app.stop().await;
    });
}

#[test]
fn attack_the_issuer_gives_no_name_that_registration_keeps() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| {
            config.oidc.auto_register = true;
            let kept = &mut config.registration.reserved_names;
            kept.push("treasurer".to_owned());
        })
        .await;
        for kept in ["treasurer", "tre4surer", "postmaster"] {
            let came = world.sign_in(kept).await;
            assert_eq!(came.status, StatusCode::OK, "{:#}", came.json);
            let me = world.me(&came.text("/access_token")).await;
            assert_ne!(me.json["username"], kept);
        }
        world.app.stop().await;
    });
}

#[test]
fn a_new_account_takes_the_terms_of_use() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| {
            config.oidc.auto_register = true;
            config.registration.terms_url = Some("https://chat.example/terms".to_owned());
            config.registration.terms_version = Some("2026-11".to_owned());
        })
        .await;
        let started = world.begin().await;
        let back = world.lead(&started, "carol").await;
        let refused = world.finish(&started, &back).await;
        refused.assert_problem(422, "terms_not_accepted");
        let older = json!({"accept_terms": "2025-01"});
        let refused = world.finish_with(&started, &back, &older).await;
        refused.assert_problem(422, "terms_not_accepted");
        // The member agrees and need not go to the issuer again.
        let agreed = json!({"accept_terms": "2026-11"});
        let opened = world.finish_with(&started, &back, &agreed).await;
        assert_eq!(opened.status, StatusCode::OK, "{:#}", opened.json);
        let again = world.finish_with(&started, &back, &agreed).await;
        again.assert_problem(400, "invalid_state");
        // Whoever has an account is asked nothing.
        let later = world.sign_in("carol").await;
        assert_eq!(later.status, StatusCode::OK, "{:#}", later.json);
        world.app.stop().await;
    });
}

#[test]
fn two_sign_ins_at_once_open_one_account() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| config.oidc.auto_register = true).await;
        let (one, two) = (world.begin().await, world.begin().await);
        let (back_one, back_two) = (
            world.lead(&one, "carol").await,
            world.lead(&two, "carol").await,
        );
        let both = join(world.finish(&one, &back_one), world.finish(&two, &back_two)).await;
        let (first, second) = both;
        assert_eq!(first.status, StatusCode::OK, "{:#}", first.json);
        assert_eq!(second.status, StatusCode::OK, "{:#}", second.json);
        assert_eq!(first.member().id, second.member().id);
        world.app.stop().await;
    });
}
