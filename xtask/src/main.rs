//! The project's own commands: `cargo xtask test|check|interop|bench|soak`.
#![expect(
    clippy::print_stdout,
    reason = "a command-line program talks to its terminal"
)]
#![expect(
    clippy::print_stderr,
    reason = "a command-line program talks to its terminal"
)]

mod api;
mod bench;
mod check;
mod fuzz;
mod interop;
mod lanes;
mod openssl;
mod peers;
mod place;
mod postgres;
mod redis;
mod service;
mod soak;
mod steps;
mod tally;
mod test;
mod tools;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test    install what the tests need, run all of them; the last line has the counts
cargo xtask check   formatting, lints, documentation, layout rules, licences: no servers needed
                     (--write-api writes the lists of public names instead of comparing them)
cargo xtask interop try servers with each other and write interop-tests/results
                     (--subject, --peer, --scenario: only these; --record DIR: keep the exchanges)
cargo xtask bench   run the benchmarks (release build)
cargo xtask soak    the long proofs: hundreds of kills, thousands of messages (release build),
                     and the fuzz targets (nightly)";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let outcome = match command.as_str() {
        "test" => test::run(),
        "check" => check::run(&rest),
        "interop" => interop::run(&rest),
        "bench" => bench::run(&rest),
        "soak" => soak::run(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
