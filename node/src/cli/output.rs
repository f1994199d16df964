//! What commands print: lines for people, or JSON for programs.

use std::io::{self, Write as _};

use anyhow::Result;
use serde::Serialize;

/// How a command prints its data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    /// Prints `value` as JSON, or the lines that `text` makes of it.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(super) fn print<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<()> {
        let printed = if self.json {
            serde_json::to_string_pretty(value)?
        } else {
            text(value)
        };
        line(&printed)
    }
}

impl Output {
    /// Prints one of many values: JSON on one line, or the line that `text` makes of it.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(super) fn print_line<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<()> {
        if self.json {
            line(&serde_json::to_string(value)?)
        } else {
            line(&text(value))
        }
    }
}

/// Prints one line or more to standard output.
///
/// # Errors
/// Standard output is closed.
pub(super) fn line(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}
