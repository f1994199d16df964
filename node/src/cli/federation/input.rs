//! What the federation commands share: reading their files, and printing remote text safely.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::request_file::MAX_BYTES;

/// Reads a whole file, or standard input for `-`.
///
/// # Errors
/// It cannot be read, or is longer than 16 MiB.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot open {shown}"))?)
    };
    let mut bytes = Vec::new();
    source
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {shown}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        bail!("{shown} is longer than {MAX_BYTES} bytes");
    }
    Ok(bytes)
}

/// Remote text on one line, with everything that could steer a terminal written out.
pub(super) fn printable(text: &str) -> String {
    let unsafe_char = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if unsafe_char(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_text_cannot_steer_the_terminal() {
        assert_eq!(
            printable("plain \u{e4} \u{1f600}"),
            "plain \u{e4} \u{1f600}"
        );
        assert_eq!(
            printable("\u{1b}[31mred\nnext\u{202e}"),
            "\\u{1b}[31mred\\nnext\\u{202e}"
        );
    }
}
