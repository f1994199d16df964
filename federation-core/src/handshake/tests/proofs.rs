//! Signatures that are not what the handshake demands: each is refused, and ends the challenge.

use std::fmt::Write as _;

use super::*;

/// Damages the headers of a proof, and sees it refused and the challenge ended.
async fn refused(
    store: &Arc<dyn HandshakeStore>,
    status: u16,
    code: &str,
    make: impl Fn(&Node, Draft) -> InboundRequest,
) {
    let world = World::new(Arc::clone(store));
    let node = world.node(HOLDER);
    let challenge = world.challenge(&node, None, &["stream"]).await.expect(201);
    let fetched = world.web.requests().len();
    let answer = world.send(make(&node, Draft::proof(&challenge))).await;
    answer.expect_problem(status, code);
    assert_eq!(world.web.requests().len(), fetched, "{code}: a fetch");
    let late = world.send(world.proof(&node, &challenge)).await;
    late.expect_problem(401, "challenge_unknown");
}

#[test]
fn handshake_downgraded_to_draft_cavage_is_refused() {
    on_each_store(async |store| {
        refused(&store, 401, "signature_scheme", |node, proof| {
            proof.with(proof.headers(Scheme::Cavage, &node.key, START))
        })
        .await;
        let as_authorization = |node: &Node, proof: Draft| {
            let mut headers = proof.headers(Scheme::Cavage, &node.key, START);
            let signature = headers.remove("signature").unwrap();
            let text = format!("Signature {}", signature.to_str().unwrap());
            headers.insert("authorization", HeaderValue::from_str(&text).unwrap());
            proof.with(headers)
        };
        refused(&store, 401, "signature_scheme", as_authorization).await;

        // The other calls do not take it either.
        let world = World::new(Arc::clone(&store));
        let node = world.node(HOLDER);
        let body = json!({"subject": null, "scopes": ["stream"], "token": "x"});
        for path in [CHALLENGE_PATH, INTROSPECT_PATH, REVOKE_PATH] {
            let draft = Draft::new(path, &body);
            let headers = draft.headers(Scheme::Cavage, &node.key, START);
            let answer = world.send(draft.with(headers)).await;
            answer.expect_problem(401, "signature_scheme");
        }
    });
}

#[test]
fn handshake_unsigned_calls_are_refused() {
    on_each_store(async |store| {
        refused(&store, 401, "signature_missing", |node, proof| {
            let mut headers = proof.headers(Scheme::Rfc9421, &node.key, START);
            headers.remove("signature");
            headers.remove("signature-input");
            proof.with(headers)
        })
        .await;
    });
}

#[test]
fn handshake_missing_tag_or_nonce_is_refused() {
    on_each_store(async |store| {
        refused(&store, 401, "signature_tag", |node, mut proof| {
            proof.tag = None;
            proof.signed(&node.key, START)
        })
        .await;
        refused(&store, 401, "signature_tag", |node, mut proof| {
            proof.tag = Some("folkmoot-other".to_owned());
            proof.signed(&node.key, START)
        })
        .await;
        refused(&store, 401, "signature_incomplete", |node, mut proof| {
            proof.nonce = None;
            proof.signed(&node.key, START)
        })
        .await;
    });
}

#[test]
fn handshake_wrong_nonce_is_refused() {
    on_each_store(async |store| {
        for wrong in ["", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "short"] {
            refused(&store, 401, "nonce_refused", |node, mut proof| {
                proof.nonce = Some(wrong.to_owned());
                proof.signed(&node.key, START)
            })
            .await;
        }
    });
}

/// A proof whose signature covers these components and has these parameters.
fn hand_made(node: &Node, proof: &Draft, covered: &str, parameters: &str) -> InboundRequest {
    let mut headers = proof.headers(Scheme::Rfc9421, &node.key, START);
    let target = format!("{}{}", proof.origin, proof.path);
    let mut base = String::new();
    for name in covered.split(' ') {
        let value = match name {
            "\"@method\"" => "POST",
            "\"@target-uri\"" => &target,
            "\"@path\"" => &proof.path,
            "\"@authority\"" => "issuer.example",
            other => headers[other.trim_matches('"')].to_str().unwrap(),
        };
        writeln!(base, "{name}: {value}").unwrap();
    }
    let params = format!("({covered}){parameters}");
    write!(base, "\"@signature-params\": {params}").unwrap();
    let signature = node.key.key().sign(base.as_bytes()).unwrap();
    let encoded = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(signature)
    };
    let set = |headers: &mut HeaderMap, name: &'static str, text: String| {
        headers.insert(name, HeaderValue::from_str(&text).unwrap());
    };
    set(&mut headers, "signature-input", format!("sig1={params}"));
    set(&mut headers, "signature", format!("sig1=:{encoded}:"));
    proof.with(headers)
}

fn parameters(node: &Node, proof: &Draft) -> String {
    format!(
        r#";created={};keyid="{}";alg="ed25519";nonce="{}";tag="folkmoot-node""#,
        START.as_seconds(),
        node.key.key_id(),
        proof.nonce.as_deref().unwrap(),
    )
}

const COVERED: &str = r#""@method" "@target-uri" "content-digest""#;

#[test]
fn handshake_hand_made_signature_is_taken_when_it_is_whole() {
    on_each_store(async |store| {
        let world = World::new(store);
        let node = world.node(HOLDER);
        for covered in [
            COVERED,
            r#""date" "content-digest" "@target-uri" "@method" "host""#,
        ] {
            let challenge = world.challenge(&node, None, &["stream"]).await.expect(201);
            let proof = Draft::proof(&challenge);
            let request = hand_made(&node, &proof, covered, &parameters(&node, &proof));
            world.send(request).await.expect(201);
        }
    });
}

#[test]
fn handshake_uncovered_components_are_refused() {
    on_each_store(async |store| {
        for covered in [
            r#""@method" "@target-uri""#,
            r#""@method" "@target-uri" "host""#,
            r#""@target-uri" "content-digest""#,
            r#""@method" "content-digest""#,
            // Enough for an inbox, and not for this: the scheme is not signed.
            r#""@method" "@path" "@authority" "content-digest""#,
        ] {
            refused(&store, 401, "signature_incomplete", |node, proof| {
                hand_made(node, &proof, covered, &parameters(node, &proof))
            })
            .await;
        }
        // A digest that is signed, but not the one that is demanded.
        refused(&store, 401, "signature_incomplete", |node, proof| {
            let older = BodyDigest::of(proof.body.as_bytes()).to_digest_header();
            let covered = r#""@method" "@target-uri" "digest""#;
            hand_made_with_digest(node, &proof, covered, &older)
        })
        .await;
    });
}

fn hand_made_with_digest(
    node: &Node,
    proof: &Draft,
    covered: &str,
    digest: &str,
) -> InboundRequest {
    let target = format!("{}{}", proof.origin, proof.path);
    let params = format!("({covered}){}", parameters(node, proof));
    let base = format!(
        "\"@method\": POST\n\"@target-uri\": {target}\n\"digest\": {digest}\n\"@signature-params\": {params}"
    );
    let signature = node.key.key().sign(base.as_bytes()).unwrap();
    let encoded = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(signature)
    };
    let mut headers = proof.headers(Scheme::Rfc9421, &node.key, START);
    headers.remove("content-digest");
    for (name, text) in [
        ("digest", digest.to_owned()),
        ("signature-input", format!("sig1={params}")),
        ("signature", format!("sig1=:{encoded}:")),
    ] {
        headers.insert(name, HeaderValue::from_str(&text).unwrap());
    }
    proof.with(headers)
}

#[test]
fn handshake_missing_parameters_are_refused() {
    on_each_store(async |store| {
        for (name, code) in [
            ("created", "signature_incomplete"),
            ("alg", "signature_incomplete"),
            ("keyid", "signature_refused"),
        ] {
            refused(&store, 401, code, |node, proof| {
                let whole = parameters(node, &proof);
                let parts = whole.split(';').filter(|part| !part.starts_with(name));
                let without = parts.collect::<Vec<_>>().join(";");
                hand_made(node, &proof, COVERED, &without)
            })
            .await;
        }
    });
}

#[test]
fn handshake_altered_body_is_refused() {
    on_each_store(async |store| {
        refused(&store, 401, "signature_refused", |node, mut proof| {
            let headers = proof.headers(Scheme::Rfc9421, &node.key, START);
            proof.body = proof.body.replace('}', ",\"more\":1}");
            proof.with(headers)
        })
        .await;
    });
}

#[test]
fn handshake_proof_of_one_challenge_does_not_prove_another() {
    on_each_store(async |store| {
        let world = World::new(store);
        let node = world.node(HOLDER);
        let one = world.challenge(&node, None, &["stream"]).await.expect(201);
        let two = world.challenge(&node, None, &["stream"]).await.expect(201);
        let mut crossed = Draft::proof(&one);
        crossed.body = json!({"challenge_id": two["challenge_id"]}).to_string();
        let refused = world.send(crossed.signed(&node.key, START)).await;
        refused.expect_problem(401, "nonce_refused");
        let late = world.send(world.proof(&node, &two)).await;
        late.expect_problem(401, "challenge_unknown");
        world.send(world.proof(&node, &one)).await.expect(201);
    });
}

#[test]
fn handshake_forged_signature_is_refused_and_ends_the_challenge() {
    on_each_store(async |store| {
        let world = World::new(store);
        let node = world.node(HOLDER);
        let challenge = world.challenge(&node, None, &["stream"]).await.expect(201);
        let forged = SigningKey::new(
            node.key.key_id().clone(),
            PrivateKey::generate(Algorithm::Ed25519).unwrap(),
        );
        let refused = world
            .send(Draft::proof(&challenge).signed(&forged, START))
            .await;
        refused.expect_problem(401, "signature_refused");
        let late = world.send(world.proof(&node, &challenge)).await;
        late.expect_problem(401, "challenge_unknown");
    });
}

#[test]
fn handshake_what_cannot_be_judged_now_leaves_the_challenge() {
    on_each_store(async |store| {
        let world = World::new(store);
        let node = world.node(HOLDER);
        let alice = node.user("alice");
        let asked = world.challenge(&node, Some(&alice), &["chat:read"]).await;
        let challenge = asked.expect(201);
        world
            .web
            .answer(&alice, StatusCode::BAD_GATEWAY, HeaderMap::new());
        world.advance(61);
        // What was seen longer than a minute ago says nothing about now, and the proof was right.
        let refused = world.send(world.proof(&node, &challenge)).await;
        refused.expect_problem(503, "subject_unavailable");
        let id = challenge["challenge_id"].as_str().unwrap().parse().unwrap();
        assert!(world.store.challenge(id).await.unwrap().is_some());
    });
}
