//! The npm package ws, as a server to compare with.

use std::path::PathBuf;
use std::process::Command;

/// The npm package, where it is installed.
pub(crate) fn command() -> Option<Command> {
    let folder = PathBuf::from(std::env::var_os("FOLKMOOT_TEST_WS")?);
    let program = folder.join("node_modules/node/bin/node");
    let script = folder.join("peer.mjs");
    assert!(
        program.is_file() && script.is_file(),
        "{}",
        folder.display()
    );
    let mut command = Command::new(program);
    command.arg(script).current_dir(folder);
    Some(command)
}
