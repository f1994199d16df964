//! `folkmoot federation verify`: every check of a recorded signed request, with its verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use federation_core::inbox::InboundRequest;
use federation_core::signature::{
    Check, KeyError, PublicKey, Verdict, VerificationPolicy, claimed_key_id, explain,
};
use federation_core::vocab::Activity;
use federation_core::{Clock, SystemClock, Timestamp};
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use super::input;
use super::reach::{Reach, with_way_out};
use super::request_file::RequestFile;
use crate::config::Config;

/// Which request, and against what to hold it.
#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// The file with request line, headers, empty line and body; - reads standard input
    #[arg(value_name = "REQUEST.http")]
    request: PathBuf,
    /// A JSON file with public keys, {"key id": ["PEM", ...]}; the key's server is asked when it
    /// is not given
    #[arg(long, value_name = "KEYS.json")]
    keys: Option<PathBuf>,
    /// The moment to judge at, such as 2026-11-20T16:31:53Z; now when it is not given
    #[arg(long, value_parser = moment, value_name = "TIME")]
    at: Option<Timestamp>,
    /// The origin of the server that got the request; https and its Host when it is not given
    #[arg(long, value_name = "URL")]
    origin: Option<Url>,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text)
        .ok_or_else(|| "expected a time such as 2026-11-20T16:31:53Z".to_owned())
}

/// Judges the request.
///
/// # Errors
/// A file cannot be read. A request that fails its checks is none.
pub(super) async fn run(args: &VerifyArgs, config: &Config) -> Result<Report> {
    let shown = args.request.display();
    let file = RequestFile::read(&input::read(&args.request)?)
        .with_context(|| format!("{shown} is not a recorded request"))?;
    let request = file
        .received_by(args.origin.as_ref())
        .with_context(|| format!("{shown} cannot be judged"))?;
    let mut policy = VerificationPolicy::default();
    policy.allow_http = config.federation.allow_http;
    let now = args.at.unwrap_or_else(|| SystemClock.now());

    let key_id = claimed_key_id(&request, &policy).ok();
    let found = match (&args.keys, &key_id) {
        (Some(path), key_id) => Found::in_file(path, key_id.as_ref())?,
        (None, Some(key_id)) => Found::at_its_server(config, key_id).await?,
        (None, None) => Found::default(),
    };
    let checks = judge(&request, &policy, now, &found.keys);
    let mut checks: Vec<Line> = checks.into_iter().map(Line::from).collect();
    if let Some(fault) = found.fault {
        let key = checks.iter_mut().find(|check| check.name == "key");
        if let Some(check) = key {
            check.detail = fault;
        }
    }
    if let Some(owner) = found.owner {
        checks.push(whose(request.body(), &owner));
    }
    Ok(Report {
        request: format!("{} {}", request.method(), request.target()),
        judged_at: now,
        valid: checks.iter().all(|check| check.verdict == Verdict::Passed),
        checks,
        announced_length: file.other_length(),
    })
}

/// The keys that may have signed, and what was learned with them.
#[derive(Debug, Default)]
struct Found {
    keys: Vec<PublicKey>,
    owner: Option<Url>,
    fault: Option<String>,
}

impl Found {
    fn in_file(path: &Path, key_id: Option<&Url>) -> Result<Self> {
        let mut keys = read_keys(path)?;
        let keys = key_id.and_then(|id| keys.remove(id.as_str()));
        Ok(Self {
            keys: keys.unwrap_or_default(),
            ..Self::default()
        })
    }

    async fn at_its_server(config: &Config, key_id: &Url) -> Result<Self> {
        let reach = Reach::new(config)?;
        Ok(match reach.directory.key(key_id).await {
            Ok(found) => Self {
                keys: vec![found.key.clone()],
                owner: Some(found.owner.id.clone()),
                fault: None,
            },
            Err(fault) => Self {
                fault: Some(format!("{:#}", with_way_out(fault.into()))),
                ..Self::default()
            },
        })
    }
}

/// Whether the activity in the body, if there is one, is by the owner of the key.
fn whose(body: &[u8], owner: &Url) -> Line {
    let (verdict, detail) = match Activity::parse(body) {
        _ if body.is_empty() => (Verdict::Passed, format!("{owner} asks")),
        Ok(activity) if activity.actor == *owner => (Verdict::Passed, format!("{owner} acts")),
        Ok(activity) => (
            Verdict::Failed,
            format!("{owner} signs for {}", activity.actor),
        ),
        Err(fault) => (Verdict::Failed, format!("the body is no activity: {fault}")),
    };
    Line {
        name: "owner",
        verdict,
        detail,
    }
}

/// Makes all checks. Several keys under one id are one key before and after a change, so the one
/// under which the most checks pass is shown.
fn judge(
    request: &InboundRequest,
    policy: &VerificationPolicy,
    now: Timestamp,
    candidates: &[PublicKey],
) -> Vec<Check> {
    let with = |key: Option<&PublicKey>| explain(request, policy, now, |_key_id| key.cloned());
    let passed = |checks: &[Check]| {
        let passes = |check: &&Check| check.verdict == Verdict::Passed;
        checks.iter().filter(passes).count()
    };
    let reports = candidates.iter().map(|key| with(Some(key)));
    reports
        .rev()
        .max_by_key(|checks| passed(checks))
        .unwrap_or_else(|| with(None))
}

/// Reads a file of keys: key id to one PEM text or a list of them.
fn read_keys(path: &Path) -> Result<BTreeMap<String, Vec<PublicKey>>> {
    let shown = path.display();
    let listed: BTreeMap<String, OneOrMore> = serde_json::from_slice(&input::read(path)?)
        .with_context(|| format!("{shown} is not a JSON object from key ids to PEM texts"))?;
    let mut keys = BTreeMap::new();
    for (id, texts) in listed {
        let parsed: Result<Vec<PublicKey>, KeyError> = texts
            .as_slice()
            .iter()
            .map(|pem| PublicKey::from_pem(pem))
            .collect();
        let parsed = parsed.with_context(|| format!("{shown}: the key {id} cannot be used"))?;
        // Written as the verifier reads key ids, so that both find each other.
        let id = Url::parse(&id).map_or(id, String::from);
        keys.entry(id).or_insert_with(Vec::new).extend(parsed);
    }
    Ok(keys)
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::More(texts) => texts,
        }
    }
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    request: String,
    judged_at: Timestamp,
    /// Whether every check passed.
    pub(super) valid: bool,
    checks: Vec<Line>,
    /// The `Content-Length`, when the body has another.
    #[serde(skip_serializing_if = "Option::is_none")]
    announced_length: Option<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    name: &'static str,
    #[serde(serialize_with = "as_text")]
    verdict: Verdict,
    detail: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields over by reference"
)]
fn as_text<S: Serializer>(verdict: &Verdict, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(verdict)
}

impl From<Check> for Line {
    fn from(check: Check) -> Self {
        Self {
            name: check.name,
            verdict: check.verdict,
            detail: check.detail,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = input::printable(&self.request);
        writeln!(out, "{request}, judged at {}", self.judged_at)?;
        for check in &self.checks {
            let detail = input::printable(&check.detail);
            let line = format!("{:<8} {:<13} {detail}", check.verdict, check.name);
            writeln!(out, "{}", line.trim_end())?;
        }
        if let Some(announced) = &self.announced_length {
            let announced = input::printable(announced);
            writeln!(
                out,
                "note: the body is not of the announced length {announced}"
            )?;
        }
        out.write_str(if self.valid {
            "The request is genuine: every check passed."
        } else {
            "The request is refused: not every check passed."
        })
    }
}
