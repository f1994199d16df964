//! Every vector of `docs/node-handshake.md`, computed anew by the code that is shipped: the
//! document cannot say one thing and the code do another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;

use super::*;
use crate::inbox::InboundRequest;
use crate::signature::{PublicKey, VerificationPolicy, inspect};

/// The vectors of the document by name, and which of them were asked for.
struct Document {
    vectors: BTreeMap<String, String>,
    used: Mutex<BTreeSet<String>>,
}

impl Document {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/node-handshake.md");
        let text = std::fs::read_to_string(path).unwrap();
        let mut vectors = BTreeMap::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some(rest) = line.strip_prefix("<!-- vector: ") else {
                continue;
            };
            let name = rest.strip_suffix(" -->").unwrap();
            assert!(lines.next().unwrap().starts_with("```"), "{name}");
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let twice = vectors.insert(name.to_owned(), block.join("\n"));
            assert!(twice.is_none(), "{name} stands twice");
        }
        Self {
            vectors,
            used: Mutex::default(),
        }
    }

    fn get(&self, name: &str) -> &str {
        self.used.lock().unwrap().insert(name.to_owned());
        &self.vectors[name]
    }

    #[track_caller]
    fn check(&self, name: &str, computed: &str) {
        assert_eq!(self.get(name), computed, "{name}");
    }

    fn bytes<const N: usize>(&self, name: &str) -> [u8; N] {
        let text = self.get(name);
        let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2).unwrap(), 16).unwrap();
        let bytes: Vec<u8> = (0..text.len()).step_by(2).map(byte).collect();
        bytes.try_into().unwrap()
    }
}

/// Random bytes that were written down before.
#[derive(Debug)]
struct Written(Mutex<VecDeque<Vec<u8>>>);

impl Entropy for Written {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        let next = self.0.lock().unwrap().pop_front().unwrap();
        bytes.copy_from_slice(&next);
        Ok(())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

/// Signs a call as the shipped client does, and checks every part of it against the document.
fn call(
    document: &Document,
    name: &str,
    key: &SigningKey,
    draft: &Draft,
    now: Timestamp,
) -> InboundRequest {
    document.check(&format!("{name}-body"), &draft.body);
    let headers = draft.headers(Scheme::Rfc9421, key, now);
    for header in ["content-digest", "signature-input", "signature"] {
        let vector = format!("{name}-{header}");
        document.check(&vector, headers[header].to_str().unwrap());
    }
    let request = draft.with(headers);
    let claim = inspect(&request, &VerificationPolicy::default(), now).unwrap();
    let base = std::str::from_utf8(claim.signed_text()).unwrap();
    document.check(&format!("{name}-signature-base"), base);
    claim.verify(&key.key().public_key()).unwrap();
    request
}

async fn answer(world: &World, request: &InboundRequest, status: u16) -> String {
    let response = world.issuer.answer(request).await;
    let body = String::from_utf8(response.body().to_vec()).unwrap();
    assert_eq!(response.status().as_u16(), status, "{body}");
    body
}

#[tokio::test]
async fn every_vector_of_the_specification_is_what_this_code_computes() {
    let document = Document::read();
    let random = |id: u8, secret: &str| {
        let secret: [u8; 32] = document.bytes(secret);
        [vec![id; 10], secret.to_vec()].concat()
    };
    let written = VecDeque::from([random(0x11, "nonce-random"), random(0x22, "token-random")]);
    let world = World::build(
        Arc::new(MemoryHandshakeStore::new()),
        Arc::new(Written(Mutex::new(written))),
        |_terms| {},
        None,
    );

    let seed: [u8; 32] = document.bytes("ed25519-seed");
    let ed25519 = PrivateKey::from_der(Algorithm::Ed25519, &seed).unwrap();
    document.check(
        "ed25519-multibase",
        &ed25519.public_key().to_multibase().unwrap(),
    );
    let rsa = document.get("rsa-private-key");
    let rsa = PrivateKey::from_pem(Algorithm::RsaSha256, rsa).unwrap();
    let shown = PublicKey::from_pem(document.get("rsa-public-key")).unwrap();
    assert_eq!(rsa.public_key(), shown);

    let mut node = Node::new(HOLDER);
    node.show_in(&world.web);
    let shown = json!({
        "id": node.actor.as_str(), "type": "Application", "inbox": "https://holder.example/inbox",
        "publicKey": {
            "id": "https://holder.example/actor#main-key", "owner": node.actor.as_str(),
            "publicKeyPem": document.get("rsa-public-key"),
        },
        "assertionMethod": [{
            "id": "https://holder.example/actor#ed25519-key", "type": "Multikey",
            "controller": node.actor.as_str(),
            "publicKeyMultibase": document.get("ed25519-multibase"),
        }],
    });
    world.web.serve(node.actor.as_str(), &shown);
    node.key = SigningKey::new(url("https://holder.example/actor#ed25519-key"), ed25519);
    let rsa = SigningKey::new(url("https://holder.example/actor#main-key"), rsa);

    let asked = message::ChallengeRequest {
        subject: Some(url(&node.user("alice"))),
        scopes: Scopes::from(Scope::ChatRead).with(Scope::ChatWrite),
    };
    let mut draft = Draft::new(CHALLENGE_PATH, &Value::Null);
    draft.body = String::from_utf8(asked.to_json()).unwrap();
    let request = call(&document, "challenge", &node.key, &draft, START);
    let challenge = answer(&world, &request, 201).await;
    document.check("challenge-answer", &challenge);

    world.advance(1);
    let now = START.plus(Duration::from_secs(1));
    let draft = Draft::proof(&serde_json::from_str(&challenge).unwrap());
    let request = call(&document, "verify", &node.key, &draft, now);
    let granted = answer(&world, &request, 201).await;
    document.check("verify-answer", &granted);
    let granted: Value = serde_json::from_str(&granted).unwrap();
    let token = granted["session_token"].as_str().unwrap();
    let hash = TokenHash::of(token);
    document.check("token-hash", &hexadecimal(hash.as_bytes()));
    let stored = world.store.by_token(hash).await.unwrap().unwrap();
    document.check("token-hint", &stored.session.token_hint);

    world.advance(1);
    let now = START.plus(Duration::from_secs(2));
    let about = Draft::new(INTROSPECT_PATH, &json!({"token": token}));
    let request = call(&document, "introspect", &rsa, &about, now);
    document.check("introspect-answer", &answer(&world, &request, 200).await);

    world.advance(1);
    let now = START.plus(Duration::from_secs(3));
    let named = json!({"session_id": granted["session_id"]});
    let draft = Draft::new(REVOKE_PATH, &named);
    let request = call(&document, "revoke", &node.key, &draft, now);
    assert_eq!(answer(&world, &request, 200).await, "{}");
    let request = about.signed(&rsa, now);
    document.check(
        "introspect-answer-after",
        &answer(&world, &request, 200).await,
    );

    let used = document.used.into_inner().unwrap();
    let all: BTreeSet<String> = document.vectors.into_keys().collect();
    assert_eq!(all, used, "a vector that nobody computes");
}

#[test]
fn every_code_of_a_refusal_is_in_the_specification() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/node-handshake.md");
    let text = std::fs::read_to_string(path).unwrap();
    let source = include_str!("../error.rs");
    let (_, codes) = source.split_once("pub const fn code(").unwrap();
    let (codes, _) = codes.split_once("\n    }\n").unwrap();
    let codes: BTreeSet<&str> = codes.split('"').skip(1).step_by(2).collect();
    assert!(codes.len() > 20);
    for code in codes {
        assert!(text.contains(&format!("`{code}`")), "{code}");
    }
}
