//! Explains every check of a signed request, as an inbox makes them.
//!
//! `verify-signature request.http` reads a file with request line, headers, an empty line and the
//! body; `-` reads standard input. The key is asked of its owner's server, or given as PEM text:
//! `verify-signature request.http key.pem`. Set `AT=2026-11-20T16:31:53Z` to judge an old request
//! by its own time, and `ORIGIN=https://here.example` when it was sent to another host than it says.
//! Ends with 0 when every check passed, with 1 otherwise.
//!
//! Try it: `cargo test -p verify-signature` writes such requests and runs this on them.
#![expect(
    clippy::print_stdout,
    reason = "a command-line program talks to its terminal"
)]

use std::io::Read as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use federation_core::fetch::client::{ClientConfig, GuardedClient};
use federation_core::fetch::{Directory, DirectoryConfig, GuardPolicy, MemoryActorCache};
use federation_core::inbox::InboundRequest;
use federation_core::signature::{PublicKey, Verdict, VerificationPolicy, claimed_key_id, explain};
use federation_core::{Clock as _, SystemClock, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

/// Longest request that is read, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (source, pem) = match arguments.as_slice() {
        [source] => (source, None),
        [source, pem] => (source, Some(std::fs::read_to_string(pem)?)),
        _ => bail!("usage: verify-signature REQUEST.http|- [KEY.pem]"),
    };
    let request = read_request(&read(source)?)?;
    let now = match variable("AT") {
        Some(text) => Timestamp::parse_rfc3339(&text).context("AT is no RFC 3339 time")?,
        None => SystemClock.now(),
    };
    let policy = VerificationPolicy::default();
    let key = match (pem, claimed_key_id(&request, &policy)) {
        (Some(pem), _) => Some(PublicKey::from_pem(&pem)?),
        (None, Ok(key_id)) => fetch_key(&key_id).await,
        // The checks below say what is wrong with the signature.
        (None, Err(_unreadable)) => None,
    };
    let checks = explain(&request, &policy, now, |_key_id| key);
    for check in &checks {
        println!("{:8}{:13}{}", check.verdict, check.name, check.detail);
        println!("{:21}({})", "", why(check.name));
    }
    let passed = checks.iter().all(|check| check.verdict == Verdict::Passed);
    println!("{}", if passed { "ACCEPTED" } else { "REFUSED" });
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What a check is there for.
fn why(check: &str) -> &'static str {
    match check {
        "signature" => "without a readable signature nobody has said anything",
        "tag" => "a signature made for another protocol is none for this one",
        "coverage" => "what is not signed can be changed on the way",
        "time" => "an old or undated signature can be sent again for ever",
        "host" => "a request signed for another server proves nothing to this one",
        "digest" => "the body is signed only through its digest",
        "key" => "it has to be the key that the actor shows as its own, and a strong one",
        _ => "only the holder of the private key could have made it",
    }
}

async fn fetch_key(key_id: &Url) -> Option<PublicKey> {
    let client = ClientConfig::new("verify-signature", GuardPolicy::default());
    let directory = Directory::new(
        Arc::new(GuardedClient::new(client).ok()?),
        Arc::new(MemoryActorCache::new(10)),
        None,
        Arc::new(SystemClock),
        DirectoryConfig::default(),
    );
    match directory.key(key_id).await {
        Ok(found) => Some(found.key.clone()),
        Err(error) => {
            println!("cannot get {key_id}: {error}");
            None
        }
    }
}

fn read(source: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if source == "-" {
        std::io::stdin().take(MAX_BYTES).read_to_end(&mut bytes)?;
    } else {
        let file = std::fs::File::open(source).with_context(|| format!("cannot read {source}"))?;
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Reads a request as it stands on the wire; lines may end in LF alone.
fn read_request(bytes: &[u8]) -> Result<InboundRequest> {
    let mut rest = bytes;
    let first = line(&mut rest).context("the request is empty")?;
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        bail!("the first line is no request line such as \"POST /inbox HTTP/1.1\"");
    };
    let mut headers = HeaderMap::new();
    loop {
        let header = line(&mut rest).context("no empty line ends the headers")?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header
            .split_once(':')
            .with_context(|| format!("no header: {header}"))?;
        headers.append(
            HeaderName::try_from(name)?,
            HeaderValue::try_from(value.trim())?,
        );
    }
    let origin = if let Some(origin) = variable("ORIGIN") {
        origin
    } else {
        let host = headers.get("host").context("no Host; set ORIGIN")?;
        format!("https://{}", host.to_str()?)
    };
    let body = Bytes::copy_from_slice(rest);
    let method = Method::try_from(method)?;
    Ok(InboundRequest::new(
        method,
        &origin.parse()?,
        target,
        headers,
        body,
    )?)
}

fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (line, after) = rest.split_at_checked(end)?;
    *rest = after.get(1..)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    std::str::from_utf8(line).ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a small program is configured by its environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
