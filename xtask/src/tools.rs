//! The programs that the tests need: found, installed by package name, or named.

use std::env;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;

use crate::openssl;
use crate::postgres;
use crate::redis;

/// One thing the tests need.
struct Need {
    what: &'static str,
    packages: &'static [&'static str],
    is_there: fn() -> bool,
    elsewhere: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        what: "a C compiler",
        packages: &["gcc", "libc6-dev", "make", "perl"],
        is_there: || on_path("cc"),
        elsewhere: "install gcc or clang, make and perl",
    },
    Need {
        what: "OpenSSL 3 with headers",
        packages: &["libssl-dev", "pkg-config"],
        is_there: openssl::is_installed,
        elsewhere: "install the development package of OpenSSL 3 and pkg-config",
    },
    Need {
        what: "the openssl program",
        packages: &["openssl"],
        is_there: || on_path("openssl"),
        elsewhere: "install OpenSSL",
    },
    Need {
        what: "the PostgreSQL server",
        packages: &["postgresql"],
        is_there: || postgres::programs().is_some(),
        elsewhere: "install PostgreSQL 14 or newer and put initdb and postgres on PATH",
    },
    Need {
        what: "the Redis server",
        packages: &["redis-server"],
        is_there: || redis::program().is_some(),
        elsewhere: "install Redis or Valkey",
    },
    Need {
        what: "the Caddy web server",
        packages: &["caddy"],
        is_there: || on_path("caddy"),
        elsewhere: "see caddyserver.com/docs/install",
    },
    Need {
        what: "Node.js with npm",
        packages: &["nodejs", "npm"],
        is_there: || on_path("node") && on_path("npm"),
        elsewhere: "see nodejs.org/download",
    },
    Need {
        what: "Python 3.11 with venv",
        packages: &["python3", "python3-venv"],
        is_there: has_python,
        elsewhere: "install Python 3.11 or newer with its venv module",
    },
];

/// Installs what is missing.
///
/// # Errors
/// When something is missing and may not or cannot be installed here; the message names each
/// missing thing and how to get it.
pub(crate) fn provide() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let may_install = on_path("apt-get") && is_root();
    if may_install {
        let packages: Vec<&str> = missing
            .iter()
            .flat_map(|need| need.packages)
            .copied()
            .collect();
        println!("installing {}", packages.join(" "));
        install(&packages)?;
    }
    let still: Vec<String> = self::missing().iter().map(|need| need.describe()).collect();
    if still.is_empty() {
        return Ok(());
    }
    let why = if may_install {
        "apt-get did not bring it"
    } else {
        "apt-get as root could do it"
    };
    bail!("missing ({why}):\n{}", still.join("\n"))
}

/// Looks for a program in the folders of PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Whether this process is root's.
pub(crate) fn is_root() -> bool {
    output("id", &["-u"]).is_some_and(|id| id == "0")
}

/// What a program prints on stdout, trimmed; `None` when it fails.
pub(crate) fn output(program: impl AsRef<Path>, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program.as_ref());
    let output = command
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Runs a program to its end.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let what = format!("{command:?}");
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {what}"))?;
    if !status.success() {
        bail!("{what} ended with {status}");
    }
    Ok(())
}

impl Need {
    fn describe(&self) -> String {
        let packages = self.packages.join(" ");
        format!(
            "  {}: `apt-get install {packages}`, or {}",
            self.what, self.elsewhere
        )
    }
}

fn missing() -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !(need.is_there)()).collect()
}

fn install(packages: &[&str]) -> Result<()> {
    let apt = || {
        let mut command = Command::new("apt-get");
        // RUNLEVEL=1 keeps the packages from starting their services.
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("RUNLEVEL", "1")
            .arg("-qq");
        command
    };
    run(apt().arg("update"))?;
    run(apt()
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages))
}

fn on_path(program: &str) -> bool {
    find(program).is_some()
}

fn has_python() -> bool {
    let check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
    output("python3", &["-c", check]).is_some()
}
