//! Lists of domains as servers share them: CSV with the columns of Mastodon's export, each of which
//! may be absent but the domain.

use csv::{ReaderBuilder, StringRecord, WriterBuilder};
use serde::Serialize;

use super::error::PolicyError;
use crate::platform::domains::{Policy, Severity, domain_of};

/// Lines of a list at most.
const MAX_LINES: usize = 10_000;
/// Characters of a comment at most.
pub(super) const MAX_COMMENT: usize = 500;
/// The columns, in the order in which they are written.
const COLUMNS: [&str; 6] = [
    "#domain",
    "#severity",
    "#reject_media",
    "#reject_reports",
    "#public_comment",
    "#obfuscate",
];

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the list; the heading is the first.
    pub number: u64,
    /// The domain as it is written.
    pub domain: String,
    /// What it says, or what is wrong with it.
    pub read: Result<Listed, Fault>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The domain in its one spelling.
    pub domain: String,
    /// How much it can do here.
    pub severity: Severity,
    /// Whether its files are passed over.
    pub rejects_media: bool,
    /// Whether its reports are passed over.
    pub rejects_reports: bool,
    /// Why, for everybody.
    pub public_comment: String,
    /// Whether the domain is not spelt out in public.
    pub is_obfuscated: bool,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DomainListFault)]
pub enum Fault {
    /// The line is not CSV, or has no domain.
    #[error("the line cannot be read")]
    Unreadable,
    /// Parts of the domain are hidden.
    #[error("the domain is obfuscated: ask for the list with whole names")]
    Obfuscated,
    /// It is no domain.
    #[error("not a domain")]
    InvalidDomain,
    /// The severity is none that is known.
    #[error("a severity is noop, silence or suspend")]
    UnknownSeverity,
    /// A truth value is none.
    #[error("write true or false")]
    NotABool,
    /// The comment is too long.
    #[error("the comment is too long")]
    CommentTooLong,
    /// It is this node.
    #[error("that is this node")]
    OwnDomain,
    /// Another line names the domain too; the first counts.
    #[error("the domain comes twice")]
    Twice,
}

/// Reads a list.
///
/// # Errors
/// It has no heading with a domain, or too many lines. What is wrong with one line stands in it.
pub fn parse(text: &[u8]) -> Result<Vec<Line>, PolicyError> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(text);
    let unreadable = PolicyError::InvalidList(
        "Send CSV with a heading such as #domain,#severity,#reject_media.",
    );
    let Ok(headings) = reader.headers() else {
        return Err(unreadable);
    };
    let place = |column: &str| {
        let bare = column.trim_start_matches('#');
        let heading = |heading: &str| {
            let heading = heading.trim().trim_start_matches('\u{feff}');
            heading.trim_start_matches('#').eq_ignore_ascii_case(bare)
        };
        headings.iter().position(heading)
    };
    let places = COLUMNS.map(place);
    let [Some(_), ..] = places else {
        return Err(unreadable);
    };
    let mut lines = Vec::new();
    for (at, record) in reader.records().enumerate() {
        if lines.len() >= MAX_LINES {
            let detail = "A list has at most 10,000 lines.";
            return Err(PolicyError::InvalidList(detail));
        }
        let counted = u64::try_from(at).unwrap_or(u64::MAX).saturating_add(2);
        let Ok(record) = record else {
            lines.push(Line {
                number: counted,
                domain: String::new(),
                read: Err(Fault::Unreadable),
            });
            continue;
        };
        let number = record.position().map_or(counted, csv::Position::line);
        let fields = places.map(|place| field(&record, place));
        let [domain, ..] = &fields;
        lines.push(Line {
            number,
            domain: domain.chars().take(300).collect(),
            read: read(&fields),
        });
    }
    Ok(lines)
}

fn field(record: &StringRecord, place: Option<usize>) -> String {
    let text = place.and_then(|place| record.get(place));
    text.unwrap_or_default().trim().replace('\0', "")
}

fn read(fields: &[String; 6]) -> Result<Listed, Fault> {
    let [domain, severity, media, reports, comment, obfuscate] = fields;
    if domain.is_empty() {
        return Err(Fault::Unreadable);
    }
    if domain.contains('*') {
        return Err(Fault::Obfuscated);
    }
    let severity = match severity.to_ascii_lowercase().as_str() {
        "" | "suspend" | "block" => Severity::Block,
        "silence" | "limit" => Severity::Silence,
        "noop" | "none" => Severity::None,
        _ => return Err(Fault::UnknownSeverity),
    };
    if comment.chars().count() > MAX_COMMENT {
        return Err(Fault::CommentTooLong);
    }
    Ok(Listed {
        domain: domain_of(domain).ok_or(Fault::InvalidDomain)?,
        severity,
        rejects_media: truth(media)?,
        rejects_reports: truth(reports)?,
        public_comment: comment
            .chars()
            .filter(|letter| !letter.is_control())
            .collect(),
        is_obfuscated: truth(obfuscate)?,
    })
}

fn truth(text: &str) -> Result<bool, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" => Ok(true),
        "" | "false" | "f" | "0" | "no" => Ok(false),
        _ => Err(Fault::NotABool),
    }
}

/// Writes policies as a list; those that let a domain in are no part of it.
pub fn write(policies: &[Policy]) -> String {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    // Writing to memory does not fail.
    let _in_memory = writer.write_record(COLUMNS);
    for policy in policies {
        let severity = match policy.severity {
            Severity::Allow => continue,
            Severity::None => "noop",
            Severity::Silence => "silence",
            Severity::Block => "suspend",
        };
        let word = |truth: bool| if truth { "true" } else { "false" };
        let _in_memory = writer.write_record([
            policy.domain.as_str(),
            severity,
            word(policy.rejects_media),
            word(policy.rejects_reports),
            policy.public_comment.as_str(),
            word(policy.is_obfuscated),
        ]);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: &str = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n\
        Evil.Example,suspend,true,false,\"spam, and\n more\",false\n\
        loud.example,silence,,,,\n\
        ev*l.example,suspend,false,false,,true\n\
        a b,suspend,false,false,,false\n\
        x.example,maybe,false,false,,false\n\
        y.example,noop,perhaps,false,,false\n";

    #[test]
    fn lists_are_read_line_by_line() {
        let lines = parse(LIST.as_bytes()).unwrap();
        let faults: Vec<Option<Fault>> = lines.iter().map(|line| line.read.clone().err()).collect();
        assert_eq!(
            faults,
            [
                None,
                None,
                Some(Fault::Obfuscated),
                Some(Fault::InvalidDomain),
                Some(Fault::UnknownSeverity),
                Some(Fault::NotABool),
            ]
        );
        let first = lines[0].read.clone().unwrap();
        assert_eq!(first.domain, "evil.example");
        assert!(first.rejects_media && first.severity == Severity::Block);
        assert_eq!(first.public_comment, "spam, and more");
        // The comment of the first takes two lines.
        assert_eq!((lines[0].number, lines[1].number), (2, 4));
        let bare = parse(b"domain\nevil.example\n").unwrap();
        assert_eq!(bare[0].read.as_ref().unwrap().severity, Severity::Block);
        assert!(parse(b"").is_err() && parse(b"evil.example\n").is_err());
    }

    fn any_policy() -> impl Strategy<Value = Policy> {
        let severity = prop_oneof![
            Just(Severity::None),
            Just(Severity::Silence),
            Just(Severity::Block),
        ];
        let truths = any::<(bool, bool, bool)>();
        (
            "[a-z]{1,10}\\.example",
            severity,
            truths,
            "[ -~\u{e4}]{0,40}",
        )
            .prop_map(
                |(domain, severity, (media, reports, obfuscated), comment)| Policy {
                    domain,
                    severity,
                    rejects_media: media,
                    rejects_reports: reports,
                    public_comment: comment.trim().to_owned(),
                    private_comment: String::new(),
                    is_obfuscated: obfuscated,
                    created_at: 0,
                    updated_at: 0,
                },
            )
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            policies in proptest::collection::vec(any_policy(), 0..20),
        ) {
            let lines = parse(write(&policies).as_bytes()).unwrap();
            prop_assert_eq!(lines.len(), policies.len());
            for (line, policy) in lines.iter().zip(&policies) {
                let read = line.read.clone().unwrap();
                prop_assert_eq!(&read.domain, &policy.domain);
                prop_assert_eq!(read.severity, policy.severity);
                prop_assert_eq!(read.rejects_media, policy.rejects_media);
                prop_assert_eq!(read.rejects_reports, policy.rejects_reports);
                prop_assert_eq!(read.is_obfuscated, policy.is_obfuscated);
                prop_assert_eq!(&read.public_comment, &policy.public_comment);
            }
        }

        #[test]
        fn anything_can_be_read(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _refused = parse(&text);
            let mut with_heading = b"#domain,#severity\n".to_vec();
            with_heading.extend(&text);
            let _lines = parse(&with_heading).unwrap();
        }
    }
}
