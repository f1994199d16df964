//! Servers that come as container images, for machines with an engine.

use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::Context as _;
use anyhow::Result;
use serde::Deserialize;
use tokio::process::Command;

use super::template::Values;
use super::template::fill;

/// The engines that are looked for, in this order.
const ENGINES: [&str; 2] = ["podman", "docker"];

/// An image, and what it is started with. It shares the network of the machine, so that the
/// addresses of a test network are the same inside.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// The image, with its version.
    pub image: String,
    /// The user inside.
    #[serde(default)]
    pub user: Option<String>,
    /// Files and folders of this machine, and where they are inside.
    #[serde(default)]
    pub mounts: BTreeMap<String, String>,
    /// Programs to run inside before it, one after the other: what makes tables.
    #[serde(default)]
    pub before: Vec<Vec<String>>,
    /// Programs to run beside it, each in a container of the same image unless it names another.
    #[serde(default)]
    pub beside: Vec<Beside>,
}

/// A container beside that of the server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Another image.
    #[serde(default)]
    pub image: Option<String>,
    /// What runs in it.
    pub args: Vec<String>,
}

/// The engine of this machine, when there is one that answers.
pub async fn engine() -> Option<&'static str> {
    for engine in ENGINES {
        let mut command = Command::new(engine);
        command
            .arg("info")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if command.status().await.is_ok_and(|status| status.success()) {
            return Some(engine);
        }
    }
    None
}

impl Container {
    /// A command that runs something in a container of this image, or of another.
    ///
    /// # Errors
    /// When a placeholder stands for nothing.
    pub fn command(
        &self,
        engine: &str,
        (name, image): (&str, Option<&str>),
        args: &[String],
        env: &BTreeMap<String, String>,
        values: &Values,
    ) -> Result<Command> {
        let mut command = Command::new(engine);
        command.args(["run", "--rm", "--network", "host", "--name", name]);
        if let Some(user) = &self.user {
            command.args(["--user", user]);
        }
        for (variable, value) in env {
            let value = fill(value, values).with_context(|| variable.clone())?;
            command.arg("--env").arg(format!("{variable}={value}"));
        }
        for (from, to) in &self.mounts {
            let from = fill(from, values)?;
            command.arg("--volume").arg(format!("{from}:{to}"));
        }
        command.arg(fill(image.unwrap_or(&self.image), values)?);
        for argument in args {
            command.arg(fill(argument, values)?);
        }
        Ok(command)
    }
}

/// Ends a container, whether or not it runs.
pub fn remove(engine: &str, name: &str) {
    let mut command = std::process::Command::new(engine);
    command.args(["rm", "--force", name]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    // One that is gone already is fine.
    command.status().ok();
}
