//! What a run found: one JSON line per subject, peer and scenario, the same every time.

pub mod evidence;
pub mod matrix;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::Result;
use serde::Deserialize;
use serde::Serialize;

use crate::scenarios;

/// How a scenario ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// One side lacks what it is about.
    NotApplicable,
}

impl Verdict {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotApplicable => "not applicable",
        }
    }
}

/// One line of a result file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The server under test.
    pub subject: String,
    /// The server that it was tested with.
    pub peer: String,
    /// The scenario.
    pub scenario: String,
    /// How it ended.
    pub outcome: Verdict,
    /// Why, when it did not pass.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What went over the wire: activities taken when it passed, every exchange when it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The version of the server under test.
    pub subject_version: String,
    /// The version of the peer.
    pub peer_version: String,
}

/// The lines of one subject, by peer and scenario.
pub type Lines = BTreeMap<(String, usize), Line>;

/// The file of a subject's lines.
pub fn file(folder: &Path, subject: &str) -> PathBuf {
    folder.join(format!("{subject}.jsonl"))
}

/// Reads the lines of a subject; none when there is no file. Lines of scenarios that are no more
/// are left out.
///
/// # Errors
/// When the file cannot be read, or has other lines.
pub fn read(folder: &Path, subject: &str) -> Result<Lines> {
    let path = file(folder, subject);
    if !path.exists() {
        return Ok(Lines::new());
    }
    let text = std::fs::read_to_string(&path)?;
    let mut lines = Lines::new();
    for line in text.lines() {
        let line: Line = serde_json::from_str(line)
            .with_context(|| format!("{} has another line: {line}", path.display()))?;
        if let Some(place) = place(&line.scenario) {
            lines.insert((line.peer.clone(), place), line);
        }
    }
    Ok(lines)
}

/// Writes the lines of a subject, ordered by peer and by the list of scenarios.
///
/// # Errors
/// When the file cannot be written.
pub fn write(folder: &Path, subject: &str, lines: &Lines) -> Result<()> {
    let mut text = String::new();
    for line in lines.values() {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    let path = file(folder, subject);
    std::fs::create_dir_all(folder)?;
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The place of a scenario in the list of all.
pub fn place(scenario: &str) -> Option<usize> {
    scenarios::all().position(|one| one.name == scenario)
}

/// What is worse in `now` than in `before`: what failed and did not, and what passed and is not
/// applicable. What was never run before counts when it failed.
pub fn regressions(before: &Lines, now: &Lines) -> Vec<String> {
    let mut found = Vec::new();
    for (key, line) in now {
        let was = before.get(key).map(|line| line.outcome);
        let worse = match (was, line.outcome) {
            (Some(Verdict::Failed), _) | (_, Verdict::Passed) => false,
            (_, Verdict::Failed) | (Some(Verdict::Passed), Verdict::NotApplicable) => true,
            (_, Verdict::NotApplicable) => false,
        };
        if worse {
            let was = was.map_or("not run", Verdict::name);
            found.push(format!(
                "{} with {}: {} was {was} and {}: {}",
                line.subject,
                line.peer,
                line.scenario,
                line.outcome.name(),
                line.reason
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(scenario: &str, outcome: Verdict) -> Line {
        Line {
            subject: "s".into(),
            peer: "p".into(),
            scenario: scenario.into(),
            outcome,
            reason: "because".into(),
            evidence: vec!["peer: Follow".into()],
            subject_version: "1".into(),
            peer_version: "2".into(),
        }
    }

    fn lines(all: &[(&str, Verdict)]) -> Lines {
        let lines = all.iter().map(|(name, outcome)| line(name, *outcome));
        lines
            .map(|line| (("p".to_owned(), place(&line.scenario).unwrap()), line))
            .collect()
    }

    #[test]
    fn what_is_written_is_read_again_in_the_order_of_the_list() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let written = lines(&[
            ("follow-in", Verdict::Passed),
            ("follow-out", Verdict::Failed),
        ]);
        write(folder.path(), "s", &written)?;
        assert_eq!(read(folder.path(), "s")?, written);
        let text = std::fs::read_to_string(file(folder.path(), "s"))?;
        assert!(text.find("follow-out") < text.find("follow-in"), "{text}");
        Ok(())
    }

    #[test]
    fn only_what_got_worse_is_a_regression() {
        use Verdict::{Failed, NotApplicable, Passed};
        for (was, is, count) in [
            (Passed, Passed, 0),
            (Passed, Failed, 1),
            (Passed, NotApplicable, 1),
            (Failed, Failed, 0),
            (NotApplicable, Failed, 1),
            (NotApplicable, Passed, 0),
        ] {
            let (was, is) = (lines(&[("follow-in", was)]), lines(&[("follow-in", is)]));
            assert_eq!(regressions(&was, &is).len(), count, "{was:?} {is:?}");
        }
        assert_eq!(
            regressions(&Lines::new(), &lines(&[("follow-in", Failed)])).len(),
            1
        );
    }
}
