//! The `folkmoot` command.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use folkmoot::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(cli::run(cli)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// Says what went wrong on standard error.
fn fail(error: &anyhow::Error) -> ExitCode {
    // When even that is closed nobody is there to be told.
    let _closed = writeln!(std::io::stderr(), "folkmoot: {error}");
    ExitCode::FAILURE
}
