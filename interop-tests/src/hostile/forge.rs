//! Requests signed after draft-cavage-12, right or wrong, with keys of the openssl program.

use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use std::time::SystemTime;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use url::Url;

use super::ACTIVITY_JSON;
use super::read_text;
use crate::process::run;

/// An RSA key of 2048 bits.
#[derive(Clone, Debug)]
pub struct Key {
    private: PathBuf,
    public: String,
}

impl Key {
    /// Makes a key in `folder`.
    ///
    /// # Errors
    /// When openssl fails.
    pub async fn generate(folder: &Path) -> Result<Self> {
        let private = folder.join("key.pem");
        let public = folder.join("public.pem");
        let mut make = Command::new("openssl");
        run(make.args(["genrsa", "-out"]).arg(&private).arg("2048")).await?;
        let mut show = Command::new("openssl");
        show.args(["rsa", "-pubout", "-in"])
            .arg(&private)
            .arg("-out")
            .arg(&public);
        run(&mut show).await?;
        Ok(Self {
            public: read_text(&public)?,
            private,
        })
    }

    /// The public part as PEM.
    pub fn public_pem(&self) -> &str {
        &self.public
    }

    /// An HMAC whose secret is the public key, for those who take the algorithm from the sender.
    async fn authenticate(&self, text: &str) -> Result<String> {
        let mut command = Command::new("openssl");
        command.args(["dgst", "-sha256", "-binary", "-hmac", &self.public]);
        Ok(STANDARD.encode(filter(&mut command, text.as_bytes()).await?))
    }

    async fn sign(&self, text: &str) -> Result<String> {
        let mut command = Command::new("openssl");
        command
            .args(["dgst", "-sha256", "-sign"])
            .arg(&self.private);
        Ok(STANDARD.encode(filter(&mut command, text.as_bytes()).await?))
    }
}

/// A request to an inbox, as its sender would have it.
#[derive(Clone, Debug)]
pub struct Forged {
    /// The inbox.
    pub inbox: String,
    /// The key id to name.
    pub key_id: String,
    /// What to sign.
    pub body: String,
    /// What to send; another text than `body` breaks the digest.
    pub sent_body: String,
    /// The host to sign; another than the inbox's makes it a replay.
    pub host: String,
    /// How old to say the request is.
    pub age: Duration,
    /// How far in the future to say the request is.
    pub ahead: Duration,
    /// The path to sign; another than the inbox's makes it a replay.
    pub path: String,
    /// The algorithm to name; `hmac-sha256` signs with the public key as the secret.
    pub algorithm: &'static str,
    /// The headers to sign.
    pub covered: Vec<&'static str>,
}

impl Forged {
    /// A request with nothing wrong.
    ///
    /// # Errors
    /// When the inbox is no URL.
    pub fn honest(inbox: &str, key_id: &str, body: &serde_json::Value) -> Result<Self> {
        let url = Url::parse(inbox)?;
        let host = url.host_str().context("no host")?;
        let host = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let body = body.to_string();
        Ok(Self {
            inbox: inbox.to_owned(),
            key_id: key_id.to_owned(),
            sent_body: body.clone(),
            body,
            host,
            age: Duration::ZERO,
            ahead: Duration::ZERO,
            path: url.path().to_owned(),
            algorithm: "rsa-sha256",
            covered: vec!["(request-target)", "host", "date", "digest"],
        })
    }

    /// Signs with `key` and sends; gives the status.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, http: &reqwest::Client, key: &Key) -> Result<StatusCode> {
        let date = httpdate::fmt_http_date(now() - self.age + self.ahead);
        let digest = format!("SHA-256={}", sha256(&self.body).await?);
        let lines: Vec<String> = self
            .covered
            .iter()
            .map(|name| match *name {
                "(request-target)" => format!("(request-target): post {}", self.path),
                "host" => format!("host: {}", self.host),
                "date" => format!("date: {date}"),
                other => format!("{other}: {digest}"),
            })
            .collect();
        let text = lines.join("\n");
        let made = if self.algorithm == "hmac-sha256" {
            key.authenticate(&text).await?
        } else {
            key.sign(&text).await?
        };
        let signature = format!(
            "keyId=\"{}\",algorithm=\"{}\",headers=\"{}\",signature=\"{made}\"",
            self.key_id,
            self.algorithm,
            self.covered.join(" "),
        );
        let request = http.post(&self.inbox).header("content-type", ACTIVITY_JSON);
        let request = request.header("date", date).header("digest", digest);
        let request = request
            .header("signature", signature)
            .body(self.sent_body.clone());
        Ok(request.send().await?.status())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a request to a real server needs the real time"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

async fn sha256(text: &str) -> Result<String> {
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256", "-binary"]);
    Ok(STANDARD.encode(filter(&mut command, text.as_bytes()).await?))
}

async fn filter(command: &mut Command, input: &[u8]) -> Result<Vec<u8>> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().context("cannot run openssl")?;
    let mut stdin = child.stdin.take().context("the input was asked for")?;
    stdin.write_all(input).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        bail!("openssl ended with {}", output.status);
    }
    Ok(output.stdout)
}
