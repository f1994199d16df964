//! Signed requests: recorded ones with their headers, targets and bodies changed.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use federation_core::Timestamp;
use federation_core::fetch::{
    BlockedDomains, Directory, DirectoryConfig, FetchLimits, MemoryActorCache, OutboundResponse,
};
use federation_core::inbox::{InboundRequest, Inbox, InboxConfig};
use federation_core::signature::{
    SignatureError, Verdict, VerificationPolicy, claimed_key_id, explain, inspect,
};
use federation_core::testing::{ManualClock, ScriptedTransport};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tokio::runtime::Runtime;
use url::Url;

use super::corpus::{Dice, change, files};
use super::on_each;

/// A request as lines: target, then `name: value`, then the body.
#[derive(Clone, Debug)]
struct Recorded {
    target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    shown: Vec<u8>,
}

impl Recorded {
    fn lines(&self) -> Vec<u8> {
        let mut lines = self.target.clone();
        for (name, value) in &self.headers {
            lines.extend([b"\n", &name[..], b": ", &value[..]].concat());
        }
        lines
    }
}

fn that_day() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-20T16:30:00Z").unwrap()
}

fn recorded() -> Vec<Recorded> {
    let paths = files("tests/fixtures/captures").into_iter();
    let paths = paths.filter(|path| path.to_string_lossy().ends_with(".request.http"));
    paths
        .map(|path| {
            let bytes = fs::read(path).unwrap();
            let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
            let end = end.unwrap();
            let mut lines = bytes[..end].split(|byte| *byte == b'\n');
            let target = lines.next().unwrap().split(|byte| *byte == b' ').nth(1);
            let headers = lines.map(|line| {
                let at = line.iter().position(|byte| *byte == b':').unwrap();
                (line[..at].to_vec(), line[at + 1..].trim_ascii().to_vec())
            });
            Recorded {
                target: target.unwrap().to_vec(),
                headers: headers.collect(),
                body: bytes[end + 4..].to_vec(),
                shown: bytes[..end].to_vec(),
            }
        })
        .collect()
}

/// Every request as it came, and with one or two parts changed.
fn requests() -> Vec<Recorded> {
    let mut dice = Dice::new(9_421);
    let mut all = Vec::new();
    for request in recorded() {
        for _ in 0..40 {
            let mut changed = request.clone();
            for _ in 0..=dice.below(2) {
                let at = dice.below(changed.headers.len() + 2);
                match changed.headers.get_mut(at) {
                    Some((_, value)) => *value = change(value, &mut dice),
                    None if dice.below(2) == 0 => changed.body = change(&changed.body, &mut dice),
                    None => {
                        let twice = dice.below(changed.headers.len());
                        let twice = changed.headers[twice].clone();
                        changed.headers.push(twice);
                        changed.target = change(&changed.target, &mut dice);
                    }
                }
            }
            changed.shown = changed.lines();
            all.push(changed);
        }
        all.push(request);
    }
    all
}

fn build(recorded: &Recorded) -> Option<InboundRequest> {
    let mut headers = HeaderMap::new();
    for (name, value) in &recorded.headers {
        let name = HeaderName::from_bytes(name).ok()?;
        headers.append(name, HeaderValue::from_bytes(value).ok()?);
    }
    let host = headers.get("host").and_then(|host| host.to_str().ok());
    let origin = Url::parse(&format!("https://{}", host.unwrap_or("a.example"))).ok()?;
    let target = String::from_utf8_lossy(&recorded.target).into_owned();
    let body = Bytes::from(recorded.body.clone());
    InboundRequest::new(Method::POST, &origin, &target, headers, body)
        .inspect_err(|error| assert!(!error.is_retryable()))
        .ok()
}

#[test]
fn signatures_of_both_schemes_are_read_or_refused_and_the_report_agrees() {
    let policy = VerificationPolicy::default();
    on_each(
        requests(),
        |request| &request.shown,
        |recorded| {
            let Some(request) = build(recorded) else {
                return;
            };
            let inspected = inspect(&request, &policy, that_day());
            let report = explain(&request, &policy, that_day(), |_key_id| None);
            let mut settled = report.iter().take_while(|check| check.name != "key");
            let failed = settled.any(|check| check.verdict == Verdict::Failed);
            // A header that is signed and absent shows only where the signed text is put together.
            let unsettled = matches!(
                inspected,
                Err(SignatureError::HeaderMissing { .. }
                    | SignatureError::ParameterMissing { .. }
                    | SignatureError::UnsupportedComponent { .. }
                    | SignatureError::Unreadable { .. }
                    | SignatureError::Ambiguous { .. })
            );
            assert_eq!(inspected.is_err(), failed || unsettled, "{report:?}");
            if let Err(error) = claimed_key_id(&request, &policy) {
                assert!(!error.is_retryable());
            }
            if let Err(error) = inspected {
                assert!(!error.is_retryable() && !error.to_string().is_empty());
            }
        },
    );
}

#[test]
fn the_inbox_answers_every_request_with_a_status_and_never_says_to_repeat_nonsense() {
    let clock = Arc::new(ManualClock::new(that_day()));
    let web = Arc::new(ScriptedTransport::new());
    let store = Arc::new(MemoryActorCache::default());
    let mut config = DirectoryConfig::default();
    config.budget.burst = u32::MAX;
    let directory = Arc::new(Directory::new(web, store, None, clock.clone(), config));
    let origin = Url::parse("https://here.example").unwrap();
    let blocked = Arc::new(BlockedDomains::default());
    let inbox = Inbox::new(InboxConfig::new(origin), directory, blocked, clock);
    let runtime = Runtime::new().unwrap();
    on_each(
        requests(),
        |request| &request.shown,
        |recorded| {
            let Some(request) = build(recorded) else {
                return;
            };
            // No key can be fetched here, so nothing passes.
            let error = runtime.block_on(inbox.authenticate(request)).unwrap_err();
            assert!(
                error.status().is_client_error() || error.is_retryable(),
                "{error:?}"
            );
            assert!(!error.code().is_empty());
        },
    );
}

#[test]
fn retry_after_is_a_bounded_time_or_nothing() {
    on_each(super::corpus::documents(), Vec::as_slice, |bytes| {
        let Ok(value) = HeaderValue::from_bytes(bytes) else {
            return;
        };
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, value)]);
        let url = Url::parse("https://a.example/").unwrap();
        let status = StatusCode::TOO_MANY_REQUESTS;
        let answer = OutboundResponse::new(status, headers, Bytes::new(), url);
        let _ = answer.retry_after(that_day());
        let _ = that_day().plus(answer.retry_after(that_day()).unwrap_or_default());
    });
    assert!(FetchLimits::document().max_bytes <= 1024 * 1024);
}
