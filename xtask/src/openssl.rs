//! Finds out whether OpenSSL has to be built from source.

use std::process::Command;
use std::process::Stdio;

/// Whether this machine has OpenSSL 3 or newer with its headers.
pub(crate) fn is_installed() -> bool {
    let mut command = Command::new("pkg-config");
    command
        .args(["--atleast-version=3", "openssl"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
