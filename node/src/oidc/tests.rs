//! What is held against a token and its issuer, by an issuer whose every claim the test writes.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use federation_core::testing::{ManualClock, ScriptedTransport};
use federation_core::{Clock as _, Timestamp};
use futures_util::FutureExt as _;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha512;
use openssl::sign::Signer;
use serde_json::{Value, json};

use super::error::OidcError;
use super::provider::Provider;
use super::verify::{Verified, verify};
use crate::auth::token;
use crate::platform::tasks::Tasks;

const ISSUER: &str = "https://login.example";
const DOCUMENT: &str = "https://login.example/.well-known/openid-configuration";
const KEYS: &str = "https://login.example/jwks";
const CLIENT: &str = "folkmoot";
const NONCE: &str = "a nonce";
/// Seconds since the Unix epoch.
const NOW: i64 = 1_795_190_734;

struct World {
    web: Arc<ScriptedTransport>,
    clock: Arc<ManualClock>,
    provider: Arc<Provider>,
    key: PKey<Private>,
}

impl World {
    fn new() -> Self {
        token::install();
        let key = PKey::generate_ed25519().unwrap();
        let web = Arc::new(ScriptedTransport::new());
        let document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://login.example/auth",
            "token_endpoint": "https://login.example/token",
            "jwks_uri": KEYS,
        });
        web.serve(DOCUMENT, &document);
        let x = BASE64URL.encode(key.raw_public_key().unwrap());
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x});
        web.serve(KEYS, &json!({"keys": [jwk]}));
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(NOW * 1000)));
        let provider = Provider::new(
            ISSUER.to_owned(),
            Arc::<ScriptedTransport>::clone(&web),
            Arc::<ManualClock>::clone(&clock),
            Tasks::default(),
        );
        Self {
            web,
            clock,
            provider,
            key,
        }
    }

    /// A token that is signed as it should be, whatever it says.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let encoded = |value: &Value| BASE64URL.encode(value.to_string());
        let text = format!("{}.{}", encoded(header), encoded(claims));
        let mut signer = Signer::new_without_digest(&self.key).unwrap();
        let signature = signer.sign_oneshot_to_vec(text.as_bytes()).unwrap();
        format!("{text}.{}", BASE64URL.encode(signature))
    }

    async fn verify(&self, header: &Value, claims: &Value) -> Result<Verified, OidcError> {
        let token = self.sign(header, claims);
        verify(&self.provider, &token, self.clock.now()).await
    }

    /// A token whose claims differ by `changes`; null takes one away.
    async fn claiming(&self, changes: &Value) -> Result<Verified, OidcError> {
        self.verify(&header(), &changed(claims(), changes)).await
    }
}

fn header() -> Value {
    json!({"alg": "EdDSA", "kid": "k", "typ": "JWT"})
}

fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": "carol",
        "aud": CLIENT,
        "exp": NOW + 300,
        "iat": NOW,
        "nonce": NONCE,
    })
}

fn changed(mut value: Value, changes: &Value) -> Value {
    for (name, change) in changes.as_object().unwrap() {
        if change.is_null() {
            value.as_object_mut().unwrap().remove(name);
        } else {
            value[name] = change.clone();
        }
    }
    value
}

#[tokio::test]
async fn attack_each_wrong_claim_of_a_signed_token_is_refused() {
    let world = World::new();
    for right in [
        json!({}),
        json!({"exp": NOW - 59}),
        json!({"iat": NOW + 59}),
        json!({"nbf": NOW + 59}),
    ] {
        let read = world.claiming(&right).await;
        assert_eq!(read.unwrap().subject, "carol", "{right}");
    }
    for wrong in [
        json!({"iss": "https://evil.example"}),
        json!({"iss": "https://login.example/"}),
        json!({"iss": [ISSUER]}),
        json!({"iss": null}),
        json!({"exp": NOW - 60}),
        json!({"exp": "tomorrow"}),
        json!({"exp": -1}),
        json!({"exp": null}),
        json!({"nbf": NOW + 61}),
        json!({"iat": NOW + 61}),
        json!({"iat": null}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"sub": "x".repeat(256)}),
    ] {
        let refused = world.claiming(&wrong).await;
        assert!(matches!(refused, Err(OidcError::InvalidToken)), "{wrong}");
    }
}

#[tokio::test]
async fn attack_a_header_that_is_not_understood_is_refused() {
    let world = World::new();
    for wrong in [
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"kid": "another"}),
        json!({"alg": "ES256"}),
        json!({"alg": "RS256"}),
        json!({"alg": "HS256"}),
        json!({"alg": "none"}),
        json!({"alg": null}),
    ] {
        let read = world.verify(&changed(header(), &wrong), &claims()).await;
        assert!(matches!(read, Err(OidcError::InvalidToken)), "{wrong}");
    }
    // The only key that fits needs no name.
    let nameless = changed(header(), &json!({"kid": null}));
    assert!(world.verify(&nameless, &claims()).await.is_ok());
}

#[tokio::test]
async fn attack_an_id_token_is_for_this_client_this_sign_in_and_this_access_token() {
    let world = World::new();
    let hash = sha512(b"an access token");
    let at_hash = BASE64URL.encode(&hash[..32]);
    let access = Some("an access token");
    for (right, access_token) in [
        (json!({}), None),
        (json!({}), access),
        (json!({"aud": [CLIENT]}), None),
        (json!({"azp": CLIENT}), None),
        (json!({"aud": [CLIENT, "other"], "azp": CLIENT}), None),
        (json!({"at_hash": at_hash}), access),
        (json!({"typ": "ID"}), None),
    ] {
        let token = world.claiming(&right).await.unwrap();
        let held = token.as_id_token(CLIENT, NONCE, access_token);
        assert!(held.is_ok(), "{right}");
    }
    for (wrong, access_token) in [
        (json!({"aud": "other"}), None),
        (json!({"aud": []}), None),
        (json!({"aud": null}), None),
        (json!({"aud": [CLIENT, "other"]}), None),
        (json!({"aud": [CLIENT, "other"], "azp": "other"}), None),
        (json!({"azp": "other"}), None),
        (json!({"nonce": "another"}), None),
        (json!({"nonce": "b nonce"}), None),
        (json!({"nonce": null}), None),
        (json!({"at_hash": at_hash}), Some("another access token")),
        (json!({"at_hash": at_hash}), None),
        (json!({"at_hash": BASE64URL.encode(hash)}), access),
        (json!({"at_hash": 7}), access),
        (json!({"typ": "Bearer"}), None),
    ] {
        let token = world.claiming(&wrong).await.unwrap();
        let held = token.as_id_token(CLIENT, NONCE, access_token);
        assert!(matches!(held, Err(OidcError::InvalidToken)), "{wrong}");
    }
    let typed = changed(header(), &json!({"typ": "at+jwt"}));
    let token = world.verify(&typed, &claims()).await.unwrap();
    assert!(token.as_id_token(CLIENT, NONCE, None).is_err());
}

#[tokio::test]
async fn attack_an_access_token_says_that_it_is_one_and_for_whom() {
    let world = World::new();
    let audiences = ["https://chat.example", "https://api.example"];
    let api = json!({"aud": "https://api.example"});
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        let typed = changed(header(), &json!({"typ": typ}));
        let token = world.verify(&typed, &changed(claims(), &api)).await;
        assert!(token.unwrap().as_access_token(&audiences).is_ok(), "{typ}");
        for aud in [json!("other"), json!(["other"]), json!([]), json!(null)] {
            let others = changed(claims(), &json!({"aud": aud}));
            let token = world.verify(&typed, &others).await.unwrap();
            assert!(token.as_access_token(&audiences).is_err(), "{typ} {aud}");
        }
    }
    let bearer = json!({"typ": "Bearer", "aud": ["other", "https://chat.example"]});
    let token = world.claiming(&bearer).await.unwrap();
    assert!(token.as_access_token(&audiences).is_ok());
    for typ in [json!("ID"), json!("Refresh"), json!(null)] {
        let not_one = json!({"typ": typ, "aud": "https://api.example"});
        let token = world.claiming(&not_one).await.unwrap();
        assert!(token.as_access_token(&audiences).is_err(), "{typ}");
    }
}

/// The issuer does not answer any more: what is known of it is good at once.
#[tokio::test]
async fn an_outage_of_the_issuer_stalls_nobody() {
    let world = World::new();
    world.provider.known().await.unwrap();
    world.clock.advance(Duration::from_hours(2));
    world.web.hold();
    for _ in 0..3 {
        let known = world.provider.known().now_or_never();
        known.unwrap().unwrap();
        tokio::task::yield_now().await;
    }
    asked(&world, DOCUMENT, 2).await;
    world.web.release();
    asked(&world, KEYS, 2).await;
    assert_eq!(world.web.count(DOCUMENT), 2);
}

#[tokio::test]
async fn whoever_hangs_up_keeps_nobody_from_the_keys() {
    let world = World::new();
    world.web.hold();
    assert!(world.provider.known().now_or_never().is_none());
    asked(&world, DOCUMENT, 1).await;
    world.web.release();
    world.provider.known().await.unwrap();
    assert_eq!(world.web.count(DOCUMENT), 1);
}

async fn asked(world: &World, url: &str, times: usize) {
    let wait = async {
        while world.web.count(url) < times {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .unwrap();
}
