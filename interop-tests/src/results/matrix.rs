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
:root{color-scheme:light dark;font:15px/1.45 system-ui,sans-serif}\
body{margin:2rem auto;max-width:75rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%}\
th,td{border:1px solid #8886;padding:.3rem .5rem;text-align:left;vertical-align:top}\
thead th{position:sticky;top:0;background:Canvas}\
th[scope=rowgroup]{background:#8882}\
.passed{background:#2a93}.failed{background:#d334}.not_applicable{background:#8881}\
summary{cursor:pointer}details p,details li{font-size:.85rem;margin:.2rem 0;overflow-wrap:anywhere}\
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
        let version = |name: &str, version: &str| format!("{name} {version}").trim().to_owned();
        if columns
            .last()
            .is_none_or(|last| last.lines.keys().all(|(peer, _)| *peer != key.0))
        {
            columns.push(Column {
                subject: version(&line.subject, &line.subject_version),
                peer: version(&line.peer, &line.peer_version),
                lines: Lines::new(),
            });
        }
        if let Some(last) = columns.last_mut() {
            last.lines.insert(key, line);
        }
    }
    columns
}

fn page(columns: &[Column]) -> Result<String> {
    let mut out = String::new();
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>Who federates with whom</title><style>{STYLE}</style></head>\n<body>\
         <h1>Who federates with whom</h1>\n<p>Each column is a server under test with a peer, \
         each row one thing that was tried. Open a cell for the reason and what went over the \
         wire.</p>\n<table><thead><tr><th>Scenario</th>"
    )?;
    for column in columns {
        write!(
            out,
            "<th>{}<br><small>with {}</small><br><small>{}</small></th>",
            escape(&column.subject),
            escape(&column.peer),
            counts(column)
        )?;
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
                "<tr><th scope=\"row\" id=\"{0}\">{0}<br><small>{1} ({2})</small></th>",
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
        Verdict::Passed => ("passed", "passed"),
        Verdict::Failed => ("failed", "failed"),
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

fn counts(column: &Column) -> String {
    let count = |outcome| {
        column
            .lines
            .values()
            .filter(|line| line.outcome == outcome)
            .count()
    };
    format!(
        "{} passed, {} failed, {} not applicable",
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
        super::super::write(folder.path(), "s", &Lines::from([(key, line)]))?;
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
        assert_eq!(page.matches("<td").count(), all);
        assert_eq!(page.matches("<td>not run</td>").count(), all - 1);
        Ok(())
    }
}
