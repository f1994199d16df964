//! What a holder is granted, and within which bounds.

use super::*;

#[test]
fn a_node_and_its_users_get_sessions() {
    on_each_store(async |store| {
        let world = World::new(store);
        let node = world.node(HOLDER);
        let alice = node.user("alice");
        let asked = world.challenge(&node, None, &["stream"]).await.expect(201);
        assert_eq!(asked["audience"], ISSUER);
        let ends = START.plus(CHALLENGE_LIFETIME).to_rfc3339();
        assert_eq!(asked["expires_at"], ends);
        assert_eq!(asked["nonce"].as_str().unwrap().len(), 43);
        assert_eq!(asked.as_object().unwrap().len(), 4);

        let granted = world.send(world.proof(&node, &asked)).await.expect(201);
        assert_eq!(granted["token_type"], "Bearer");
        assert_eq!(granted["scope"], "stream");
        assert_eq!(granted.as_object().unwrap().len(), 5);
        let token = granted["session_token"].as_str().unwrap();
        assert_eq!(token.len(), 43);
        let session = world.authorise(token, Scope::Stream).await.unwrap();
        assert_eq!(
            session.id.to_string(),
            granted["session_id"].as_str().unwrap()
        );
        assert_eq!((&session.holder, &session.subject), (&node.actor, &None));
        assert_eq!(
            session.expires_at.since(session.issued_at),
            MAX_SESSION_LIFETIME
        );
        assert!(token.starts_with(&session.token_hint) && session.token_hint.len() == 8);

        let scopes = ["chat:write", "chat:read", "chat:read", "later:thing"];
        let granted = world.open(&node, Some(&alice), &scopes).await;
        assert_eq!(granted["scope"], "chat:read chat:write");
        let token = granted["session_token"].as_str().unwrap();
        let session = world.authorise(token, Scope::ChatWrite).await.unwrap();
        assert_eq!(session.actor().as_str(), alice);
        let refused = world.authorise(token, Scope::Stream).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.status()),
            ("insufficient_scope", StatusCode::FORBIDDEN)
        );
    });
}

#[test]
fn holder_and_issuer_ask_about_a_session_and_end_it() {
    on_each_store(async |store| {
        let world = World::new(store);
        let node = world.node(HOLDER);
        let own = world.node(ISSUER);
        let alice = node.user("alice");
        for asker in [&node, &own] {
            let granted = world.open(&node, Some(&alice), &["chat:read"]).await;
            let about =
                json!({"token": granted["session_token"], "token_type_hint": "access_token"});
            let told = world.call(INTROSPECT_PATH, asker, &about).await.expect(200);
            let seconds = START.as_seconds();
            let expected = json!({
                "active": true, "iss": ISSUER, "sub": alice, "client_id": node.actor.as_str(),
                "scope": "chat:read", "iat": seconds, "exp": seconds + 86_400, "aud": ISSUER,
            });
            assert_eq!(told, expected);
            let ended = world.call(REVOKE_PATH, asker, &about).await.expect(200);
            assert_eq!(ended, json!({}));
            world.call(REVOKE_PATH, asker, &about).await.expect(200);
            let told = world.call(INTROSPECT_PATH, asker, &about).await.expect(200);
            assert_eq!(told, json!({"active": false}));
        }
        let granted = world.open(&node, None, &["stream"]).await;
        let about = json!({"token": granted["session_token"]});
        let told = world.call(INTROSPECT_PATH, &node, &about).await.expect(200);
        assert_eq!(told["sub"], node.actor.as_str());
        let by_id = json!({"session_id": granted["session_id"]});
        world.call(REVOKE_PATH, &node, &by_id).await.expect(200);
        let told = world.call(INTROSPECT_PATH, &node, &about).await.expect(200);
        assert_eq!(told, json!({"active": false}));
        for unknown in [
            json!({"token": "nonsense"}),
            json!({"session_id": "nonsense"}),
        ] {
            world.call(REVOKE_PATH, &node, &unknown).await.expect(200);
        }
    });
}

#[test]
fn the_terms_cut_what_is_granted() {
    on_each_store(async |store| {
        let world = World::with_terms(store, |terms| {
            terms.offered = Scopes::from(Scope::ChatRead);
            terms.session_lifetime = Duration::from_hours(48);
        });
        let node = world.node(HOLDER);
        let granted = world.open(&node, None, &["chat:read", "stream"]).await;
        assert_eq!(granted["scope"], "chat:read");
        let ends = START.plus(MAX_SESSION_LIFETIME).to_rfc3339();
        assert_eq!(granted["expires_at"], ends);
        let fetched = world.web.requests().len();
        let refused = world.challenge(&node, None, &["stream"]).await;
        refused.expect_problem(403, "scope_refused");
        let refused = world.challenge(&node, None, &["later:thing"]).await;
        refused.expect_problem(403, "scope_refused");
        assert_eq!(world.web.requests().len(), fetched);
    });
}

#[test]
fn open_challenges_are_bounded_and_do_not_pile_up() {
    on_each_store(async |store| {
        let world = World::with_terms(store, |terms| {
            terms.challenges_per_holder = 3;
            terms.challenges = 5;
        });
        let (one, two) = (world.node(HOLDER), world.node(STRANGER));
        let ask = async |node: &Node| world.challenge(node, None, &["stream"]).await;
        ask(&one).await.expect(201);
        world.advance(20);
        for _ in 0..2 {
            ask(&one).await.expect(201);
        }
        let refused = ask(&one).await;
        refused.expect_problem(429, "too_many_requests");
        assert_eq!(refused.headers["retry-after"], "100");
        for _ in 0..2 {
            ask(&two).await.expect(201);
        }
        ask(&two).await.expect_problem(429, "too_many_requests");
        world.advance(101);
        ask(&one).await.expect(201);
        world.advance(200);
        ask(&one).await.expect(201);
        let left = world.store.prune(world.clock.now(), 100).await.unwrap();
        assert_eq!(left, 0, "those that were over went as new ones came");
    });
}

#[test]
fn sessions_are_bounded_the_oldest_of_a_pair_making_room() {
    on_each_store(async |store| {
        let world = World::with_terms(store, |terms| {
            terms.sessions_per_subject = 2;
            terms.sessions_per_holder = 4;
        });
        let node = world.node(HOLDER);
        let mut ended = world.sessions.revoked();
        let mut granted = Vec::new();
        for _ in 0..3 {
            world.advance(1);
            granted.push(world.open(&node, None, &["stream"]).await);
        }
        assert_eq!(
            ended.recv().await.unwrap().to_string(),
            granted[0]["session_id"]
        );
        let live = async |granted: &Value| {
            let token = granted["session_token"].as_str().unwrap();
            world.authorise(token, Scope::Stream).await.is_ok()
        };
        assert!(!live(&granted[0]).await);
        assert!(live(&granted[1]).await && live(&granted[2]).await);

        let alice = node.user("alice");
        for _ in 0..2 {
            world.open(&node, Some(&alice), &["stream"]).await;
        }
        assert!(live(&granted[1]).await && live(&granted[2]).await);
        let one_more = world.challenge(&node, None, &["stream"]).await.expect(201);
        let refused = world.send(world.proof(&node, &one_more)).await;
        refused.expect_problem(429, "too_many_requests");
        assert!(refused.headers.contains_key("retry-after"));
        let told = json!({"session_id": granted[1]["session_id"]});
        world.call(REVOKE_PATH, &node, &told).await.expect(200);
        let again = world.send(world.proof(&node, &one_more)).await;
        again.expect(201);
    });
}

#[test]
fn what_is_over_is_cleared_away_and_nothing_else() {
    on_each_store(async |store| {
        let world = World::new(store);
        let node = world.node(HOLDER);
        let revoked = world.open(&node, None, &["stream"]).await;
        let kept = world.open(&node, None, &["stream"]).await;
        let by_id = json!({"session_id": revoked["session_id"]});
        world.call(REVOKE_PATH, &node, &by_id).await.expect(200);
        world.challenge(&node, None, &["stream"]).await.expect(201);
        let prune = async |world: &World| world.store.prune(world.clock.now(), 100).await.unwrap();
        assert_eq!(prune(&world).await, 0);
        world.advance(120);
        assert_eq!(prune(&world).await, 1);
        let token = kept["session_token"].as_str().unwrap();
        assert!(world.authorise(token, Scope::Stream).await.is_ok());
        let id = revoked["session_id"].as_str().unwrap().parse().unwrap();
        assert_eq!(world.store.session(id).await.unwrap(), None);
        world.advance(86_400);
        assert_eq!(prune(&world).await, 1);
        assert_eq!(prune(&world).await, 0);
    });
}

#[test]
fn sessions_end_by_holder_subject_and_host() {
    on_each_store(async |store| {
        let world = World::new(store);
        let (one, two) = (world.node(HOLDER), world.node(STRANGER));
        let alice = one.user("alice");
        let tokens = [
            world.open(&one, Some(&alice), &["stream"]).await,
            world.open(&one, None, &["stream"]).await,
            world.open(&two, None, &["stream"]).await,
        ];
        let live = async || {
            let mut live = Vec::new();
            for granted in &tokens {
                let token = granted["session_token"].as_str().unwrap();
                live.push(world.authorise(token, Scope::Stream).await.is_ok());
            }
            live
        };
        let end = async |filter| {
            let now = world.clock.now();
            world.sessions.revoke_all(filter, now).await.unwrap()
        };
        assert_eq!(end(SessionFilter::Subject(url(&alice))).await, 1);
        assert_eq!(live().await, [false, true, true]);
        assert_eq!(
            end(SessionFilter::Host("stranger.example".to_owned())).await,
            1
        );
        assert_eq!(live().await, [false, true, false]);
        assert_eq!(end(SessionFilter::Holder(one.actor.clone())).await, 1);
        assert_eq!(end(SessionFilter::Holder(one.actor.clone())).await, 0);
        assert_eq!(live().await, [false, false, false]);
    });
}
