//! The handshake under attack: each test names what is tried, and fails when its check is gone.

use super::*;

/// A world, a node of alice's, and a stranger's node.
fn scene(store: Arc<dyn HandshakeStore>) -> (World, Node, Node) {
    let world = World::new(store);
    let (node, stranger) = (world.node(HOLDER), world.node(STRANGER));
    (world, node, stranger)
}

#[test]
fn handshake_replayed_proof_opens_nothing_more() {
    on_each_store(async |store| {
        let (world, node, _) = scene(store);
        let challenge = world.challenge(&node, None, &["stream"]).await.expect(201);
        let proof = world.proof(&node, &challenge);
        let granted = world.send(proof.clone()).await.expect(201);
        for _ in 0..3 {
            let again = world.send(proof.clone()).await;
            again.expect_problem(401, "challenge_unknown");
        }
        let token = granted["session_token"].as_str().unwrap();
        assert!(world.authorise(token, Scope::Stream).await.is_ok());
    });
}

#[test]
fn handshake_hundred_parallel_proofs_open_one_session() {
    on_each_store(async |store| {
        let (world, node, _) = scene(store);
        let challenge = world.challenge(&node, None, &["stream"]).await.expect(201);
        // Nothing but the store stands between them: each has the challenge before one uses it.
        let id = challenge["challenge_id"].as_str().unwrap().parse().unwrap();
        let found = world.store.challenge(id).await.unwrap().unwrap();
        let terms = world.issuer.config().terms;
        let tries: Vec<_> = (0..100_u8)
            .map(|number| {
                let random = [number; SESSION_ENTROPY];
                let granted = Granted::from_challenge(&found, found.scopes, &terms, &random, START);
                let store = Arc::clone(&world.store);
                tokio::spawn(async move { store.open_session(id, granted.stored, terms).await })
            })
            .collect();
        let mut kept = 0;
        for one in tries {
            match one.await.unwrap().unwrap() {
                SessionAdded::Kept(_) => kept += 1,
                SessionAdded::ChallengeGone => {}
                SessionAdded::TooMany => panic!("too many"),
            }
        }
        assert_eq!(kept, 1);
    });
}

#[test]
fn handshake_hundred_parallel_verifies_give_one_success() {
    on_each_store(async |store| {
        let (world, node, _) = scene(store);
        let challenge = world.challenge(&node, None, &["stream"]).await.expect(201);
        let requests: Vec<_> = (0..100)
            .map(|_| {
                let (issuer, proof) = (world.issuer.clone(), world.proof(&node, &challenge));
                tokio::spawn(async move { issuer.answer(&proof).await.status().as_u16() })
            })
            .collect();
        let mut statuses = Vec::new();
        for request in requests {
            statuses.push(request.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses[0], 201);
        assert!(
            statuses[1..].iter().all(|status| *status == 401),
            "{statuses:?}"
        );
    });
}

#[test]
fn handshake_stolen_challenge_is_no_use_to_another_holder_and_ends() {
    on_each_store(async |store| {
        let (world, node, stranger) = scene(store);
        let challenge = world.challenge(&node, None, &["stream"]).await.expect(201);
        let stolen = world.send(world.proof(&stranger, &challenge)).await;
        stolen.expect_problem(403, "not_the_holder");
        let late = world.send(world.proof(&node, &challenge)).await;
        late.expect_problem(401, "challenge_unknown");
    });
}

#[test]
fn handshake_proof_by_a_user_of_the_holder_is_none() {
    on_each_store(async |store| {
        let (world, node, _) = scene(store);
        let users = node.show_user(&world.web, "alice");
        let body = json!({"subject": null, "scopes": ["stream"]});
        let request = Draft::new(CHALLENGE_PATH, &body).signed(&users, START);
        world.send(request).await.expect_problem(403, "not_a_node");

        let challenge = world.challenge(&node, None, &["stream"]).await.expect(201);
        let proof = Draft::proof(&challenge).signed(&users, START);
        world.send(proof).await.expect_problem(403, "not_a_node");
        let late = world.send(world.proof(&node, &challenge)).await;
        late.expect_problem(401, "challenge_unknown");
    });
}

#[test]
fn handshake_actor_that_its_server_does_not_name_is_no_node() {
    on_each_store(async |store| {
        let (world, node, _) = scene(store);
        // Of the right type, on the right origin, and yet not the server's own.
        let bot = url(&format!("{HOLDER}/users/bot"));
        let key = key_of(&bot);
        world
            .web
            .serve(bot.as_str(), &document(&bot, "Service", &key));
        let body = json!({"subject": null, "scopes": ["stream"]});
        let ask = Draft::new(CHALLENGE_PATH, &body);
        let refused = world.send(ask.signed(&key, START)).await;
        refused.expect_problem(403, "not_a_node");

        // A server that names an actor of another server speaks for nobody.
        let nameless = world.node("https://nameless.example");
        nameless.name_in(&world.web, node.actor.as_str());
        let refused = world.send(ask.signed(&nameless.key, START)).await;
        refused.expect_problem(403, "not_a_node");
        world.challenge(&node, None, &["stream"]).await.expect(201);

        // A server that cannot be asked may be asked again.
        let down = world.node("https://down.example");
        let index = "https://down.example/.well-known/nodeinfo";
        let empty = HeaderMap::new();
        world.web.answer(index, StatusCode::BAD_GATEWAY, empty);
        let refused = world.send(ask.signed(&down.key, START)).await;
        refused.expect_problem(503, "node_unavailable");
        assert!(refused.headers.contains_key("retry-after"));
    });
}

#[test]
fn handshake_stolen_token_tells_and_ends_nothing_for_a_stranger() {
    on_each_store(async |store| {
        let (world, node, stranger) = scene(store);
        let granted = world.open(&node, None, &["stream"]).await;
        let by_token = json!({"token": granted["session_token"]});
        let by_id = json!({"session_id": granted["session_id"]});
        let told = world.call(INTROSPECT_PATH, &stranger, &by_token).await;
        assert_eq!(told.expect(200), json!({"active": false}));
        for named in [by_token, by_id] {
            let refused = world.call(REVOKE_PATH, &stranger, &named).await;
            refused.expect_problem(403, "not_the_holder");
        }
        let token = granted["session_token"].as_str().unwrap();
        assert!(world.authorise(token, Scope::Stream).await.is_ok());
    });
}

#[test]
fn handshake_proof_for_a_foreign_audience_is_refused_and_ends_the_challenge() {
    on_each_store(async |store| {
        let (world, node, _) = scene(store);
        for host in [None, Some("issuer.example")] {
            let challenge = world.challenge(&node, None, &["stream"]).await.expect(201);
            let mut proof = Draft::proof(&challenge);
            proof.origin = "https://evil.example".to_owned();
            let mut headers = proof.headers(Scheme::Rfc9421, &node.key, START);
            // The one who passes the proof on can write any Host header, and not the signature.
            if let Some(host) = host {
                headers.insert("host", HeaderValue::from_static(host));
            }
            let refused = world.send(proof.with(headers)).await;
            refused.expect_problem(401, "signature_refused");
            let late = world.send(world.proof(&node, &challenge)).await;
            late.expect_problem(401, "challenge_unknown");
        }
    });
}

#[test]
fn handshake_challenge_of_another_audience_in_the_same_store_is_unknown() {
    on_each_store(async |store| {
        let (world, node, _) = scene(store);
        let asked = message::ChallengeRequest {
            subject: None,
            scopes: Scope::Stream.into(),
        };
        let terms = Terms::default();
        let random = [9; CHALLENGE_ENTROPY];
        let other = "https://other.example";
        let challenge = Challenge::issue(&asked, &node.actor, other, &terms, &random, START);
        let challenge = challenge.unwrap();
        let told: Value = serde_json::from_slice(&challenge.answer().to_json()).unwrap();
        world.store.add_challenge(challenge, terms).await.unwrap();
        let refused = world.send(world.proof(&node, &told)).await;
        refused.expect_problem(401, "challenge_unknown");
    });
}

#[test]
fn handshake_expired_challenges_and_sessions_open_nothing() {
    on_each_store(async |store| {
        let (world, node, _) = scene(store);
        let in_time = world.challenge(&node, None, &["stream"]).await.expect(201);
        let late = world.challenge(&node, None, &["stream"]).await.expect(201);
        world.clock.advance(Duration::from_millis(119_999));
        let granted = world.send(world.proof(&node, &in_time)).await.expect(201);
        world.clock.advance(Duration::from_millis(1));
        let refused = world.send(world.proof(&node, &late)).await;
        refused.expect_problem(401, "challenge_unknown");

        let token = granted["session_token"].as_str().unwrap();
        world
            .clock
            .advance(MAX_SESSION_LIFETIME.saturating_sub(Duration::from_millis(2)));
        assert!(world.authorise(token, Scope::Stream).await.is_ok());
        world.clock.advance(Duration::from_millis(1));
        let refused = world.authorise(token, Scope::Stream).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.is_retryable()),
            ("invalid_token", false)
        );
        let about = json!({"token": token});
        let told = world.call(INTROSPECT_PATH, &node, &about).await.expect(200);
        assert_eq!(told, json!({"active": false}));
    });
}

#[test]
fn handshake_old_and_future_signatures_are_refused() {
    on_each_store(async |store| {
        let (world, node, _) = scene(store);
        let body = json!({"subject": null, "scopes": ["stream"]});
        let ask = Draft::new(CHALLENGE_PATH, &body);
        let minutes = |count| Duration::from_mins(count);
        for wrong in [START.minus(minutes(6)), START.plus(minutes(6))] {
            let refused = world.send(ask.signed(&node.key, wrong)).await;
            refused.expect_problem(401, "signature_refused");
        }
        assert_eq!(
            world.web.requests().len(),
            0,
            "nothing was fetched for them"
        );
        for right in [START.minus(minutes(4)), START.plus(minutes(4))] {
            world.send(ask.signed(&node.key, right)).await.expect(201);
        }
    });
}

#[test]
fn handshake_subject_of_another_origin_is_refused_before_any_fetch() {
    on_each_store(async |store| {
        let (world, node, stranger) = scene(store);
        for foreign in [
            stranger.user("alice"),
            format!("{HOLDER}:8443/users/alice"),
            "http://holder.example/users/alice".to_owned(),
            "https://holder.example.evil.example/users/alice".to_owned(),
            "https://sub.holder.example/users/alice".to_owned(),
        ] {
            let refused = world.challenge(&node, Some(&foreign), &["chat:read"]).await;
            refused.expect_problem(403, "foreign_subject");
        }
        for nonsense in [
            "",
            "alice",
            "javascript:alert(1)",
            "https://a@holder.example/",
        ] {
            let refused = world.challenge(&node, Some(nonsense), &["chat:read"]).await;
            refused.expect_problem(400, "malformed_message");
        }
        assert_eq!(world.web.requests().len(), 0);
    });
}

#[test]
fn handshake_subject_that_is_gone_or_no_actor_gets_nothing() {
    on_each_store(async |store| {
        let (world, node, _) = scene(store);
        let (gone, nobody) = (node.user("gone"), node.user("nobody"));
        world.web.answer(&gone, StatusCode::GONE, HeaderMap::new());
        let refused = world.challenge(&node, Some(&gone), &["chat:read"]).await;
        refused.expect_problem(403, "subject_gone");
        let refused = world.challenge(&node, Some(&nobody), &["chat:read"]).await;
        refused.expect_problem(403, "subject_unusable");
        let down = node.user("down");
        world
            .web
            .answer(&down, StatusCode::BAD_GATEWAY, HeaderMap::new());
        let refused = world.challenge(&node, Some(&down), &["chat:read"]).await;
        refused.expect_problem(503, "subject_unavailable");

        // And one that goes between challenge and proof.
        let alice = node.user("alice");
        let challenge = world
            .challenge(&node, Some(&alice), &["chat:read"])
            .await
            .expect(201);
        world.web.answer(&alice, StatusCode::GONE, HeaderMap::new());
        world.advance(61);
        let refused = world.send(world.proof(&node, &challenge)).await;
        refused.expect_problem(403, "subject_gone");
        let late = world.send(world.proof(&node, &challenge)).await;
        late.expect_problem(401, "challenge_unknown");
    });
}

#[test]
fn handshake_scopes_of_the_challenge_cannot_grow_afterwards() {
    on_each_store(async |store| {
        let (world, node, _) = scene(store);
        let alice = node.user("alice");
        let challenge = world
            .challenge(&node, Some(&alice), &["chat:read"])
            .await
            .expect(201);
        let mut proof = Draft::proof(&challenge);
        let body = json!({
            "challenge_id": challenge["challenge_id"],
            "scopes": ["chat:read", "chat:write", "stream"], "scope": "chat:write stream",
            "subject": node.user("bob"), "holder": STRANGER,
        });
        proof.body = body.to_string();
        let granted = world.send(proof.signed(&node.key, START)).await.expect(201);
        assert_eq!(granted["scope"], "chat:read");
        let token = granted["session_token"].as_str().unwrap();
        for scope in [Scope::ChatWrite, Scope::Stream, Scope::VoiceJoin] {
            let refused = world.authorise(token, scope).await.unwrap_err();
            assert_eq!(refused.code(), "insufficient_scope");
        }
        let session = world.authorise(token, Scope::ChatRead).await.unwrap();
        assert_eq!(session.subject.unwrap().as_str(), alice);
        assert_eq!(session.holder, node.actor);
    });
}

#[test]
fn handshake_blocked_domain_is_refused_before_any_fetch_and_loses_its_sessions() {
    on_each_store(async |store| {
        let (world, node, _) = scene(store);
        let granted = world.open(&node, None, &["stream"]).await;
        let challenge = world.challenge(&node, None, &["stream"]).await.expect(201);
        let token = granted["session_token"].as_str().unwrap();
        let fetched = world.web.requests().len();
        world.blocked.block("holder.example").unwrap();
        let refused = world.authorise(token, Scope::Stream).await.unwrap_err();
        assert_eq!(refused.code(), "domain_blocked");
        let about = json!({"token": token});
        let unseen = world.node("https://deep.holder.example");
        for by in [&node, &unseen] {
            let refused = world.challenge(by, None, &["stream"]).await;
            refused.expect_problem(403, "domain_blocked");
            for path in [INTROSPECT_PATH, REVOKE_PATH] {
                let refused = world.call(path, by, &about).await;
                refused.expect_problem(403, "domain_blocked");
            }
        }
        let refused = world.send(world.proof(&node, &challenge)).await;
        refused.expect_problem(403, "domain_blocked");
        assert_eq!(world.web.requests().len(), fetched, "nothing was fetched");
        world.blocked.unblock("holder.example");
        world.send(world.proof(&node, &challenge)).await.expect(201);
    });
}

#[test]
fn handshake_node_has_no_session_with_itself() {
    on_each_store(async |store| {
        let world = World::new(store);
        let own = world.node(ISSUER);
        let refused = world.challenge(&own, None, &["stream"]).await;
        refused.expect_problem(403, "holder_is_issuer");
        assert_eq!(world.web.requests().len(), 0);
    });
}

#[test]
fn handshake_key_that_was_changed_is_fetched_again_once() {
    on_each_store(async |store| {
        let (world, mut node, _) = scene(store);
        world.challenge(&node, None, &["stream"]).await.expect(201);
        let old = std::mem::replace(&mut node.key, key_of(&node.actor));
        world.advance(61);
        let unshown = world.challenge(&node, None, &["stream"]).await;
        unshown.expect_problem(401, "signature_refused");
        node.show_in(&world.web);
        world.advance(61);
        world.challenge(&node, None, &["stream"]).await.expect(201);
        node.key = old;
        let refused = world.challenge(&node, None, &["stream"]).await;
        refused.expect_problem(401, "signature_refused");
    });
}
