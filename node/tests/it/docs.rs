//! Pages that must keep up with the code: the codes of problems, and what earlier systems do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

/// The first column of every table row of a page, without its backticks.
fn first_column(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cell = |line: &str| line.split('`').nth(1).map(str::to_owned);
    rows.filter_map(cell).collect()
}

/// The codes that the constructors of problems are called with.
fn codes(text: &str) -> BTreeSet<String> {
    let makers = [
        "::bad_request(",
        "::invalid(",
        "::unauthorized(",
        "::forbidden(",
        "::conflict(",
        "ApiError::new(",
    ];
    let mut found = BTreeSet::new();
    for maker in makers {
        for rest in text.split(maker).skip(1) {
            // The code is the first text among the arguments, before the call ends.
            let arguments = rest.split(';').next().unwrap_or_default();
            let Some(code) = arguments.split('"').nth(1) else {
                continue;
            };
            let is_code = !code.is_empty()
                && code
                    .chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter == '_');
            if is_code {
                found.insert(code.to_owned());
            }
        }
    }
    found
}

#[test]
fn every_code_is_explained() {
    let page = fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let explained = first_column(&page);
    let mut files = Vec::new();
    sources(&root().join("node/src"), &mut files);
    let mut used = BTreeSet::new();
    for (_, text) in &files {
        let code = text.split("#[cfg(test)]").next().unwrap();
        used.extend(codes(code));
    }
    assert!(used.len() > 30, "{used:?}");
    let missing: Vec<_> = used.difference(&explained).collect();
    assert!(missing.is_empty(), "docs/errors.md lacks {missing:?}");
    let every = files
        .iter()
        .map(|(_, text)| text.as_str())
        .collect::<String>();
    let stale = |code: &&String| !every.contains(&format!("\"{code}\""));
    let stale: Vec<_> = explained.iter().filter(stale).collect();
    assert!(
        stale.is_empty(),
        "docs/errors.md explains {stale:?}, which nothing uses"
    );
}

#[test]
fn every_row_of_the_comparison_names_a_test() {
    let page = fs::read_to_string(root().join("docs/parity.md")).unwrap();
    let mut files = Vec::new();
    sources(&root().join("node/tests/it"), &mut files);
    sources(&root().join("interop-tests"), &mut files);
    let tests: String = files.into_iter().map(|(_, text)| text).collect();
    let (shown, _elsewhere) = page.split_once("## Belongs to").unwrap();
    let mut rows = 0;
    for line in shown.lines().filter(|line| line.starts_with("| ")) {
        if line.starts_with("| There |") {
            continue;
        }
        rows += 1;
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 3, "{line}");
        let named: Vec<&str> = cells[2].split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test: {line}");
        for test in named {
            let name = test.rsplit("::").next().unwrap();
            assert!(
                tests.contains(&format!("fn {name}(")),
                "no such test: {test}"
            );
        }
    }
    assert!(rows > 5, "{rows}");
}
