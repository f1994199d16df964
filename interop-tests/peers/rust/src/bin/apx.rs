//! A server made of `apx_sdk`, the toolkit of Mitra. It signs by either scheme, proves every activity
//! (FEP-8b32), and verifies both schemes.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;
use apx_core::crypto::common::PublicKey;
use apx_core::crypto::common::SecretKey;
use apx_core::crypto::eddsa::Ed25519SecretKey;
use apx_core::crypto::eddsa::ed25519_secret_key_from_multikey;
use apx_core::crypto::eddsa::ed25519_secret_key_to_multikey;
use apx_core::crypto::eddsa::generate_ed25519_key;
use apx_core::crypto::rsa::RsaSecretKey;
use apx_core::crypto::rsa::generate_rsa_key;
use apx_core::crypto::rsa::rsa_secret_key_from_pkcs8_pem;
use apx_core::crypto::rsa::rsa_secret_key_to_pkcs8_pem;
use apx_core::http_digest::ContentDigest;
use apx_core::http_signatures::create::HttpSigner;
use apx_core::http_signatures::verify::parse_http_signature;
use apx_core::http_signatures::verify::verify_http_signature;
use apx_core::json_signatures::create::sign_object_eddsa;
use apx_sdk::agent::FederationAgent;
use apx_sdk::deliver::DelivererError;
use apx_sdk::deliver::send_object;
use apx_sdk::fetch::FetchError;
use apx_sdk::fetch::FetchObjectOptions;
use apx_sdk::fetch::fetch_json;
use apx_sdk::fetch::fetch_object;
use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Uri;
use axum::http::request::Parts;
use interop_peers::library::Delivered;
use interop_peers::library::Failure;
use interop_peers::library::Fetched;
use interop_peers::library::Library;
use interop_peers::library::Scheme;
use interop_peers::serve;
use interop_peers::settings::Settings;
use interop_peers::state::State;
use interop_peers::state::id_of;
use interop_peers::state::listed;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use url::Url;

const VERSION: &str = "0.27.0";

#[derive(Debug)]
struct Apx {
    settings: Settings,
    keys: RwLock<HashMap<String, Keys>>,
}

#[derive(Clone)]
struct Keys {
    rsa: RsaSecretKey,
    ed25519: Ed25519SecretKey,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Keys")
    }
}

impl Keys {
    fn load(folder: &Path, actor: &str, fresh: bool) -> Result<Self> {
        let name = actor.rsplit('/').next().unwrap_or_default();
        let (rsa, ed25519) = (
            folder.join(format!("{name}-rsa.pem")),
            folder.join(format!("{name}-ed25519")),
        );
        if fresh || !rsa.exists() {
            fs::write(&rsa, rsa_secret_key_to_pkcs8_pem(&generate_rsa_key()?)?)?;
            let made = ed25519_secret_key_to_multikey(&generate_ed25519_key());
            fs::write(&ed25519, made)?;
        }
        Ok(Self {
            rsa: rsa_secret_key_from_pkcs8_pem(&fs::read_to_string(&rsa)?)?,
            ed25519: ed25519_secret_key_from_multikey(&fs::read_to_string(&ed25519)?)?,
        })
    }
}

fn proof_key(actor: &str) -> String {
    format!("{actor}#ed25519-key")
}

impl Apx {
    fn keys_of(&self, actor: &str) -> Option<Keys> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(actor).cloned()
    }

    fn agent(&self, by: &str, scheme: Option<Scheme>) -> FederationAgent {
        let keys = scheme.and_then(|_| self.keys_of(by));
        FederationAgent {
            // The servers of a test are on loopback.
            ssrf_protection_enabled: false,
            signer: keys.map(|keys| HttpSigner::new_rsa(keys.rsa, format!("{by}#main-key"))),
            rfc9421_enabled: scheme == Some(Scheme::Rfc9421),
            ..FederationAgent::default()
        }
    }

    /// The id of the actor that signed a request whose body is given.
    async fn signer(&self, parts: &Parts, body: &[u8]) -> Result<String> {
        let settings = &self.settings;
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let uri: Uri = format!("{}{path}", settings.origin).parse()?;
        let signature = parse_http_signature(&parts.method, &uri, &parts.headers)?;
        ensure!(
            signature.authority == settings.authority(),
            "signed for {}",
            signature.authority
        );
        let key_id = signature.key_id.to_string();
        let agent = self.agent(&settings.server(), Some(Scheme::Cavage));
        let fetched = fetch_object(&agent, &key_id, FetchObjectOptions::default()).await?;
        fetched.verify_origin()?;
        let key = key_in(&fetched.value, &key_id).with_context(|| format!("no key {key_id}"))?;
        let owner = id_of(&key["owner"])
            .or_else(|| id_of(&key["controller"]))
            .context("the key has no owner")?;
        let document = fetch_object(&agent, &owner, FetchObjectOptions::default()).await?;
        document.verify_origin()?;
        let listed = key_in(&document.value, &key_id)
            .with_context(|| format!("{owner} does not list {key_id}"))?;
        let public = match (
            listed["publicKeyPem"].as_str(),
            listed["publicKeyMultibase"].as_str(),
        ) {
            (Some(pem), _) => PublicKey::from_pem(pem)?,
            (None, Some(multibase)) => PublicKey::from_multikey(multibase)?,
            (None, None) => bail!("{key_id} has no key"),
        };
        let digest = signature
            .content_digest
            .is_some()
            .then(|| ContentDigest::new(body));
        verify_http_signature(&signature, &public, digest)?;
        Ok(owner)
    }
}

/// The key with this id, in an actor's document or standing alone.
fn key_in(document: &Value, key_id: &str) -> Option<Value> {
    let keys = [
        &document["publicKey"],
        &document["assertionMethod"],
        document,
    ];
    let mut all = keys.into_iter().flat_map(listed);
    all.find(|key| {
        key["id"] == key_id && !key["publicKeyPem"].is_null() | !key["publicKeyMultibase"].is_null()
    })
    .cloned()
}

#[async_trait]
impl Library for Apx {
    fn about(&self) -> Value {
        json!({
            "name": "apx_sdk",
            "version": VERSION,
            "library": format!("apx_sdk {VERSION}"),
            "schemes": ["cavage", "rfc9421"],
            "supports": [
                "follow", "accept", "reject", "undo", "dm", "public", "followers_only", "reply", "mention", "edit",
                "delete", "like", "emoji_react", "announce", "flag", "block", "move", "poll", "attachment",
                "collection", "authorized_fetch", "fetch", "rotate", "profile", "publish", "manual_follows", "proofs",
                "shared_inbox", "webfinger", "actor", "group", "key_refresh",
            ],
            "unsupported": {
                "double_knock": "the caller chooses the scheme: https://docs.rs/apx_sdk/0.27.0/apx_sdk/agent/struct.FederationAgent.html",
                "queue": "apx_sdk delivers once: https://docs.rs/apx_sdk/0.27.0/apx_sdk/deliver/index.html",
                "rotate_keep_old": "this program shows one RSA key, as Mitra does",
                "followers_sync": "apx_sdk has nothing for FEP-8fcf",
                "ld_signatures": "apx_core has integrity proofs and no LD signatures",
                "nodeinfo": "apx_sdk has nothing for NodeInfo",
                "host_meta": "apx_sdk has nothing for host-meta",
            },
        })
    }

    fn make_keys(&self, actor: &str, fresh: bool) -> Result<()> {
        let made = Keys::load(&self.settings.data, actor, fresh)?;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.insert(actor.to_owned(), made);
        Ok(())
    }

    fn keys(&self, actor: &str) -> Map<String, Value> {
        let Some(keys) = self.keys_of(actor) else {
            return Map::new();
        };
        // A key that was just made or loaded can always be written down.
        let pem = SecretKey::Rsa(keys.rsa).public_key().to_pem();
        let multikey = SecretKey::Ed25519(keys.ed25519).public_key().to_multikey();
        let key = json!({
            "id": format!("{actor}#main-key"), "owner": actor,
            "publicKeyPem": pem.unwrap_or_default(),
        });
        let method = json!({
            "id": proof_key(actor), "type": "Multikey", "controller": actor,
            "publicKeyMultibase": multikey.unwrap_or_default(),
        });
        Map::from_iter([
            ("publicKey".to_owned(), key),
            ("assertionMethod".to_owned(), json!([method])),
        ])
    }

    async fn take(&self, request: Request<Body>) -> Result<Value> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await?;
        let signer = self.signer(&parts, &body).await?;
        let activity: Value = serde_json::from_slice(&body)?;
        let actor = id_of(&activity["actor"]).context("no actor")?;
        ensure!(actor == signer, "{signer} signed for {actor}");
        Ok(activity)
    }

    async fn reader(&self, parts: &Parts) -> Option<String> {
        self.signer(parts, &[]).await.ok()
    }

    async fn deliver(&self, by: &str, activity: &Value, inbox: &str, scheme: Scheme) -> Delivered {
        let Some(keys) = self.keys_of(by) else {
            let error = Some(format!("{by} has no keys"));
            return Delivered {
                status: None,
                error,
            };
        };
        let method = proof_key(by);
        let proven = sign_object_eddsa(&keys.ed25519, &method, activity, None, false, true, true);
        let sent = match proven {
            Ok(proven) => send_object(&self.agent(by, Some(scheme)), inbox, &proven, &[]).await,
            Err(error) => {
                let error = Some(error.to_string());
                return Delivered {
                    status: None,
                    error,
                };
            }
        };
        match sent {
            Ok(response) | Err(DelivererError::HttpError(response)) => Delivered {
                status: Some(response.status.as_u16()),
                error: None,
            },
            Err(error) => Delivered {
                status: None,
                error: Some(error.to_string()),
            },
        }
    }

    async fn fetch(&self, by: &str, url: &str, signed: bool) -> Result<Fetched, Failure> {
        let scheme = signed.then_some(Scheme::Cavage);
        let agent = self.agent(by, scheme);
        let status = match fetch_object(&agent, url, FetchObjectOptions::default()).await {
            Ok(fetched) => {
                fetched.verify_origin()?;
                return Ok(Fetched {
                    status: 200,
                    document: Some(fetched.value),
                    content_type: None,
                });
            }
            Err(FetchError::Forbidden(_)) => 403,
            Err(FetchError::NotFound(_)) => 404,
            Err(FetchError::RequestError(error)) => match error.status() {
                Some(status) => status.as_u16(),
                None => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        };
        Ok(Fetched {
            status,
            document: None,
            content_type: None,
        })
    }

    async fn look_up(&self, handle: &str) -> Result<Option<String>, Failure> {
        let (_, host) = handle.split_once('@').context("a handle is name@host")?;
        let url = format!("https://{host}/.well-known/webfinger");
        let url = Url::parse_with_params(&url, [("resource", format!("acct:{handle}"))])?;
        let found = fetch_json(
            &self.agent("", None),
            url.as_str(),
            Some("application/jrd+json"),
        )
        .await?;
        let is_it = |link: &&Value| link["rel"] == "self" && !link["href"].is_null();
        let link = listed(&found["links"]).into_iter().find(is_it);
        Ok(link.and_then(|link| id_of(&link["href"])))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::read()?;
    let library = Apx {
        settings: settings.clone(),
        keys: RwLock::default(),
    };
    serve(Arc::new(State::new(settings)), library).await
}
