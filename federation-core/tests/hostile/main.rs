//! Every parser of remote bytes against bytes that were made to hurt: none panics, and every
//! refusal is a typed error that says whether to ask again.
//!
//! Meant to be built for release, as what runs in earnest: `cargo xtask test` does, with the
//! profile `hostile`.
#![cfg(test)]

mod corpus;
mod messages;
mod parsers;
mod requests;
mod web;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `check` on every input; the first that panics is shown.
fn on_each<T>(inputs: impl IntoIterator<Item = T>, bytes: fn(&T) -> &[u8], check: impl Fn(&T)) {
    let mut count = 0_usize;
    for input in inputs {
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&input)));
        if outcome.is_err() {
            let shown = String::from_utf8_lossy(bytes(&input)).into_owned();
            panic!("input {count} panics:\n{}", shown.escape_debug());
        }
        count += 1;
    }
    assert!(count > 1_000, "only {count} inputs");
    println!("{count} inputs");
}
