//! The checks of a signed request as a report, for operators who wonder why one was refused.

use std::fmt;

use url::Url;

use crate::clock::Timestamp;
use crate::inbox::InboundRequest;
use crate::signature::inspect::{Reading, check_host};
use crate::signature::{PublicKey, SignatureError, VerificationPolicy};

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a check passes, fails or is not made"
)]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It failed, and with it the request.
    Failed,
    /// It could not be made, because an earlier one failed.
    Skipped,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        })
    }
}

/// One check of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// What was checked, in one or two words.
    pub name: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was found, or why it failed.
    pub detail: String,
}

/// Makes every check that [`crate::signature::inspect()`] and
/// [`crate::signature::SignatureClaim::verify`] make, and goes on where they would stop.
///
/// The request passes precisely when every check passed. `find_key` is asked once, when the key id
/// could be read; a key that must be fetched first is found by
/// [`crate::signature::claimed_key_id`].
pub fn explain(
    request: &InboundRequest,
    policy: &VerificationPolicy,
    now: Timestamp,
    find_key: impl FnOnce(&Url) -> Option<PublicKey>,
) -> Vec<Check> {
    let mut report = Report(Vec::with_capacity(8));
    let reading = match Reading::of(request, policy) {
        Ok(reading) => reading,
        Err(fault) => {
            report.fail("signature", &fault);
            for name in [
                "tag",
                "coverage",
                "time",
                "host",
                "digest",
                "key",
                "verification",
            ] {
                report.skip(name);
            }
            return report.0;
        }
    };
    report.pass(
        "signature",
        format!(
            "{} by {} over {}",
            reading.scheme,
            reading.key_id,
            reading.names.join(" ")
        ),
    );
    let tag = reading.tag.clone().unwrap_or_else(|| "none".to_owned());
    report.judge("tag", reading.check_tag(policy).map(|()| tag));
    report.judge(
        "coverage",
        reading
            .check_coverage(request)
            .map(|()| "method, target, host, time and digest are signed".to_owned()),
    );
    let time = reading.check_time(request, policy, now);
    report.judge(
        "time",
        time.clone()
            .map(|signed_at| format!("signed at {signed_at}")),
    );
    report.judge(
        "host",
        check_host(request).map(|()| request.authority().to_owned()),
    );
    let digest = reading.check_digest(request);
    let body = format!(
        "the body of {} bytes is the signed one",
        request.body().len()
    );
    report.judge("digest", digest.map(|()| body));

    let key = find_key(&reading.key_id);
    match &key {
        Some(key) => report.pass("key", key.algorithm().to_string()),
        None => report.add("key", Verdict::Failed, "the key was not found".to_owned()),
    }
    // The text that is signed does not depend on the time, so that even an old request shows
    // whether its signature is good.
    let verified = key.map(|key| {
        reading
            .into_claim(request, policy, time.unwrap_or(now))
            .and_then(|claim| claim.verify(&key))
    });
    match verified {
        None => report.skip("verification"),
        Some(verified) => report.judge(
            "verification",
            verified.map(|signature| {
                if signature.query_covered() {
                    "the signature is good".to_owned()
                } else {
                    "the signature is good, but leaves out the query".to_owned()
                }
            }),
        ),
    }
    report.0
}

struct Report(Vec<Check>);

impl Report {
    fn add(&mut self, name: &'static str, verdict: Verdict, detail: String) {
        self.0.push(Check {
            name,
            verdict,
            detail,
        });
    }

    fn pass(&mut self, name: &'static str, detail: String) {
        self.add(name, Verdict::Passed, detail);
    }

    fn fail(&mut self, name: &'static str, fault: &SignatureError) {
        self.add(name, Verdict::Failed, fault.to_string());
    }

    fn skip(&mut self, name: &'static str) {
        self.add(name, Verdict::Skipped, String::new());
    }

    fn judge(&mut self, name: &'static str, outcome: Result<String, SignatureError>) {
        match outcome {
            Ok(detail) => self.pass(name, detail),
            Err(fault) => self.fail(name, &fault),
        }
    }
}
