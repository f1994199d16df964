//! A real issuer: `oidc-provider` of npm, which `cargo xtask test` installs.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use openssl::sha::sha256;
use reqwest::StatusCode;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::Value;
use url::Url;

/// Where the application of the tests is sent back to.
pub(crate) const REDIRECT: &str = "https://app.example/cb";
/// The secret of the node at the issuer.
pub(crate) const SECRET: &str = "a secret of the tests that is long";
/// For whom its access tokens are.
pub(crate) const AUDIENCE: &str = "https://api.example";
const VERIFIER: &str = "a-verifier-of-the-tests-that-is-long-enough-to-be-one";

/// How many were started; each has a script of its own.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A running issuer; it stops when this is dropped.
pub(crate) struct Issuer {
    server: Child,
    script: PathBuf,
    pub(crate) url: String,
    client: reqwest::Client,
}

/// What the application gets when a member comes back.
#[derive(Clone, Debug)]
pub(crate) struct Back {
    pub(crate) state: String,
    pub(crate) code: String,
    pub(crate) iss: String,
}

impl Issuer {
    /// Starts an issuer whose keys are for `algorithm`.
    pub(crate) fn start(algorithm: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let folder = target.join("peers/oidc");
        let node = folder.join("node_modules/node/bin/node");
        assert!(
            node.exists(),
            "{} is missing: `cargo xtask test` installs it",
            node.display()
        );
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // Modules are looked for beside the script, so it has to lie there.
        let script = folder.join(format!("peer-{process}-{number}.mjs"));
        std::fs::copy(root.join("interop-tests/peers/oidc/peer.mjs"), &script).unwrap();
        let mut server = Command::new(node)
            .arg(&script)
            .args([AUDIENCE, algorithm])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut told = BufReader::new(server.stdout.take().unwrap());
        told.read_line(&mut url).unwrap();
        let never = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder().no_proxy().redirect(never);
        Self {
            server,
            script,
            url: url.trim().to_owned(),
            client: client.build().unwrap(),
        }
    }

    /// Its public keys as it publishes them.
    pub(crate) async fn key_set(&self) -> String {
        let url = format!("{}/jwks", self.url);
        let answer = self.client.get(url).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// Exchanges its keys.
    pub(crate) async fn rotate(&self) {
        let url = format!("{}/control/rotate", self.url);
        let answer = self.client.post(url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    /// Goes away for good.
    pub(crate) fn stop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// A browser in which `person` signs in, from the address the application sends it to.
    pub(crate) async fn sign_in(&self, authorization_url: &str, person: &str) -> Back {
        let mut url: Url = authorization_url.parse().unwrap();
        url.query_pairs_mut().append_pair("login_hint", person);
        let mut cookies: Vec<(String, String)> = Vec::new();
        for _ in 0..8 {
            let held: Vec<String> = cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            let request = self.client.get(url.clone());
            let answer = request
                .header(COOKIE, held.join("; "))
                .send()
                .await
                .unwrap();
            for set in answer.headers().get_all(SET_COOKIE) {
                let pair = set.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                cookies.retain(|(known, _)| known != name);
                if !value.is_empty() {
                    cookies.push((name.to_owned(), value.to_owned()));
                }
            }
            let location = answer
                .headers()
                .get(LOCATION)
                .map(|to| to.to_str().unwrap());
            let Some(location) = location else {
                panic!("{}: {}", answer.status(), answer.text().await.unwrap());
            };
            url = url.join(location).unwrap();
            if url.as_str().starts_with(REDIRECT) {
                let value = |name: &str| {
                    let mut pairs = url.query_pairs();
                    let found = pairs.find(|(known, _)| known == name);
                    found.unwrap_or_else(|| panic!("{url}")).1.into_owned()
                };
                return Back {
                    state: value("state"),
                    code: value("code"),
                    iss: value("iss"),
                };
            }
        }
        panic!("the issuer sends the browser round in circles, to {url}");
    }

    /// The tokens that an application of its own gets for `person`: access token and ID token.
    pub(crate) async fn tokens(&self, person: &str) -> (String, String) {
        let mut url: Url = format!("{}/auth", self.url).parse().unwrap();
        let challenge = BASE64URL.encode(sha256(VERIFIER.as_bytes()));
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", "folkmoot"),
            ("redirect_uri", REDIRECT),
            ("scope", "openid profile email api"),
            ("state", "a state"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ]);
        let back = self.sign_in(url.as_str(), person).await;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "authorization_code"),
                ("code", back.code.as_str()),
                ("redirect_uri", REDIRECT),
                ("code_verifier", VERIFIER),
            ])
            .finish();
        let secret: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        let request = self.client.post(format!("{}/token", self.url));
        let request = request
            .basic_auth("folkmoot", Some(secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{answer}"));
        (text("access_token").to_owned(), text("id_token").to_owned())
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        // A second stop finds nothing to do.
        let _gone = self.server.kill();
        let _gone = self.server.wait();
        let _gone = std::fs::remove_file(&self.script);
    }
}
