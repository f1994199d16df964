//! The results as one page: a table of subjects and peers by scenarios, reasons on demand.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use anyhow::Result;

use super::Line;
use super::Lines;
use super::Verdict;
use super::place;
use super::read;
use crate::adapter::Description;
use crate::scenarios::THEMES;

const STYLE: &str = "\
:root{color-scheme:light dark;font:15px/1.4 system-ui,sans-serif}\
body{margin:2rem;max-width:max-content}\
p,ul{max-width:60rem}\
table{border-collapse:collapse;margin:1rem 0}\
th,td{border:1px solid #8886;padding:.2rem .5rem;text-align:left;vertical-align:top}\
thead th{position:sticky;top:0;background:Canvas}thead tr+tr th{top:1.9rem}\
th[scope=row]{font-weight:normal;min-width:18rem;max-width:26rem}th[scope=rowgroup]{background:#8882}\
td.passed,td.failed,td.not_applicable{text-align:center}\
.passed{background:#2a93}.failed{background:#d335}.not_applicable{background:#8881}\
details{max-width:16rem}summary{cursor:pointer;list-style:none}\
details p,details li{font-size:.85rem;margin:.2rem 0;overflow-wrap:anywhere;text-align:left}\
small{opacity:.75}";

/// Makes `matrix.html` of all result files in a folder.
///
/// # Errors
/// When one cannot be read, or the page not be written.
pub fn write(folder: &Path) -> Result<()> {
    let mut subjects = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        if path.extension().is_some_and(|end| end == "jsonl") {
            subjects.push(name.to_owned());
        }
    }
    subjects.sort();
    let mut columns = Vec::new();
    for subject in subjects {
        columns.extend(by_peer(read(folder, &subject)?));
    }
    let path = folder.join("matrix.html");
    std::fs::write(&path, page(&columns)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// One subject with one peer.
struct Column {
    subject: String,
    peer: String,
    lines: Lines,
}

fn by_peer(lines: Lines) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for (key, line) in lines {
        let other = |last: &Column| !last.lines.keys().any(|(peer, _)| *peer == key.0);
        if columns.last().is_none_or(other) {
            columns.push(Column {
                subject: versioned(&line.subject, &line.subject_version),
                peer: versioned(&line.peer, &line.peer_version),
                lines: Lines::new(),
            });
        }
        if let Some(last) = columns.last_mut() {
            last.lines.insert(key, line);
        }
    }
    columns
}

/// A name with its version, which some servers begin with their name.
fn versioned(name: &str, version: &str) -> String {
    let number = version.strip_prefix(name).unwrap_or(version).trim();
    format!("{name} {number}").trim().to_owned()
}

fn page(columns: &[Column]) -> Result<String> {
    let mut out = String::new();
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>Who federates with whom</title><style>{STYLE}</style></head>\n<body>\
         <h1>Who federates with whom</h1>\n<p>Each column is a server under test with a peer, \
         each row one thing that was tried: ✓ passed, ✗ failed, – not applicable, since one side \
         lacks what it is about. Open ✗ and – for the reason and what went over the wire.</p>\n"
    )?;
    summary(&mut out, columns)?;
    failures(&mut out, columns)?;
    out.push_str("<h2>All of it</h2>\n<table><thead><tr><th rowspan=\"2\">Scenario</th>");
    for group in columns.chunk_by(|one, other| one.subject == other.subject) {
        let subject = group.first().map_or("", |column| column.subject.as_str());
        let (span, subject) = (group.len(), escape(subject));
        write!(out, "<th colspan=\"{span}\">{subject}</th>")?;
    }
    out.push_str("</tr>\n<tr>");
    for column in columns {
        write!(out, "<th><small>with {}</small></th>", escape(&column.peer))?;
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for theme in THEMES {
        let span = columns.len() + 1;
        let name = escape(theme.name);
        writeln!(
            out,
            "<tr><th scope=\"rowgroup\" colspan=\"{span}\">{name}</th></tr>"
        )?;
        for scenario in theme.scenarios {
            write!(
                out,
                "<tr><th scope=\"row\" id=\"{0}\"><b>{0}</b><br><small>{1} ({2})</small></th>",
                scenario.name,
                escape(scenario.shows),
                escape(scenario.source)
            )?;
            for column in columns {
                let key = place(scenario.name);
                let line = column
                    .lines
                    .iter()
                    .find(|((_, place), _)| Some(*place) == key);
                cell(&mut out, line.map(|(_, line)| line))?;
            }
            out.push_str("</tr>\n");
        }
    }
    out.push_str("</tbody></table>\n");
    let described = Description::containers()?;
    let unseen = described.iter().filter(|one| {
        let starts = |column: &Column| column.subject.starts_with(&one.name);
        !columns.iter().any(starts)
    });
    let titles: Vec<&str> = unseen.map(|one| one.title.as_str()).collect();
    if !titles.is_empty() {
        let titles = escape(&titles.join(", "));
        writeln!(
            out,
            "<p>Described and not run: {titles}. They come as container images and need podman or \
             docker (<code>cargo xtask interop --containers</code>).</p>"
        )?;
    }
    out.push_str("</body></html>\n");
    Ok(out)
}

fn cell(out: &mut String, line: Option<&Line>) -> Result<()> {
    let Some(line) = line else {
        out.push_str("<td>not run</td>");
        return Ok(());
    };
    let (class, word) = match line.outcome {
        Verdict::Passed => {
            let title = escape(&line.evidence.join(", "));
            write!(out, "<td class=\"passed\" title=\"{title}\">✓</td>")?;
            return Ok(());
        }
        Verdict::Failed => ("failed", "✗"),
        Verdict::NotApplicable => ("not_applicable", "–"),
    };
    let reason = escape(&line.reason);
    write!(
        out,
        "<td class=\"{class}\" title=\"{reason}\"><details><summary>{word}</summary>"
    )?;
    if !reason.is_empty() {
        write!(out, "<p>{reason}</p>")?;
    }
    if !line.evidence.is_empty() {
        out.push_str("<ul>");
        for one in &line.evidence {
            write!(out, "<li>{}</li>", escape(one))?;
        }
        out.push_str("</ul>");
    }
    out.push_str("</details></td>");
    Ok(())
}

/// How many passed, failed and were not applicable, by subject and peer.
fn summary(out: &mut String, columns: &[Column]) -> Result<()> {
    let mut peers: Vec<&str> = columns.iter().map(|column| column.peer.as_str()).collect();
    peers.sort_unstable();
    peers.dedup();
    out.push_str("<table><thead><tr><th></th>");
    for peer in &peers {
        write!(out, "<th>with {}</th>", escape(peer))?;
    }
    out.push_str("</tr></thead><tbody>\n");
    for group in columns.chunk_by(|one, other| one.subject == other.subject) {
        let subject = group.first().map_or("", |column| column.subject.as_str());
        write!(out, "<tr><th>{}</th>", escape(subject))?;
        for peer in &peers {
            match group.iter().find(|column| column.peer == *peer) {
                Some(column) => write!(out, "<td>{}</td>", counts(column))?,
                None => out.push_str("<td></td>"),
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table>\n");
    Ok(())
}

/// What failed, one line each.
fn failures(out: &mut String, columns: &[Column]) -> Result<()> {
    out.push_str("<h2>What fails</h2>\n<ul>\n");
    let mut none = true;
    for column in columns {
        let lines = column.lines.values();
        for line in lines.filter(|line| line.outcome == Verdict::Failed) {
            none = false;
            writeln!(
                out,
                "<li>{} with {}: <a href=\"#{scenario}\">{scenario}</a>: {}</li>",
                escape(&column.subject),
                escape(&column.peer),
                escape(&line.reason),
                scenario = escape(&line.scenario),
            )?;
        }
    }
    if none {
        out.push_str("<li>nothing</li>\n");
    }
    out.push_str("</ul>\n");
    Ok(())
}

fn counts(column: &Column) -> String {
    let count = |outcome| {
        let all = column.lines.values();
        all.filter(|line| line.outcome == outcome).count()
    };
    format!(
        "{} ✓ {} ✗ {} –",
        count(Verdict::Passed),
        count(Verdict::Failed),
        count(Verdict::NotApplicable)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_cell_and_lets_no_markup_in() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let line = Line {
            subject: "s".into(),
            peer: "p".into(),
            scenario: "follow-in".into(),
            outcome: Verdict::Failed,
            reason: "answered <script>alert(\"1\")</script>".into(),
            evidence: vec!["Follow to subject: 500".into()],
            subject_version: "1".into(),
            peer_version: "2".into(),
        };
        let key = ("p".to_owned(), place("follow-in").unwrap());
        crate::results::write(folder.path(), "s", &Lines::from([(key, line)]))?;
        write(folder.path())?;
        let page = std::fs::read_to_string(folder.path().join("matrix.html"))?;
        assert!(!page.contains("<script"), "{page}");
        assert!(
            page.contains("&lt;script&gt;alert(&quot;1&quot;)"),
            "{page}"
        );
        let all = THEMES
            .iter()
            .map(|theme| theme.scenarios.len())
            .sum::<usize>();
        // One more has the counts.
        assert_eq!(page.matches("<td").count(), all + 1);
        assert!(page.contains("<td>0 ✓ 1 ✗ 0 –</td>"), "{page}");
        assert_eq!(page.matches("<td>not run</td>").count(), all - 1);
        Ok(())
    }
}
