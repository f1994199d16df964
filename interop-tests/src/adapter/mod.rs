//! The description of a server that can be tested: a TOML file that says how to start it and what
//! to ask it for each action. See `docs/interop.md`.

pub mod container;
pub mod perform;
pub mod template;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;
use serde::Deserialize;
use serde_json::Value;

use crate::place;

pub use container::Container;

/// Everything that a description may give an answer to; what it leaves out counts as unsupported.
pub const ACTIONS: &[&str] = &[
    "create_account",
    "log_in",
    "update_profile",
    "rotate_key",
    "follow",
    "undo_follow",
    "accept_follow",
    "reject_follow",
    "followers",
    "following",
    "follow_requests",
    "set_manual_follows",
    "set_automatic_follows",
    "post",
    "direct_message",
    "reply",
    "edit",
    "delete",
    "mention",
    "like",
    "undo_like",
    "react",
    "boost",
    "undo_boost",
    "block",
    "undo_block",
    "report",
    "reports",
    "create_poll",
    "vote",
    "poll_results",
    "attach",
    "create_group",
    "join_group",
    "inbox",
    "notifications",
    "fetch",
    "set_authorized_fetch",
];

/// Activities of others that a description may have a word of its own for.
const SHOWN: &[&str] = &["Announce", "Like"];

/// A server, as its description has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The name in results and on the command line.
    pub name: String,
    /// The name shown to people.
    pub title: String,
    /// A file beside it with actions that it does not have itself.
    #[serde(default)]
    pub include: Option<String>,
    /// How it is started.
    pub start: Start,
    /// How it says that it is there.
    pub ready: Ready,
    /// Where its control routes are, when it has them: then it can be the peer of another.
    #[serde(default)]
    pub control: Option<String>,
    /// Whether `inbox` shows the activities that were taken instead of what is held now: then a
    /// deletion is seen as an activity, not as something gone.
    #[serde(default)]
    pub log: bool,
    /// How it shows activities of others, by their types: words that `notifications` has for them.
    #[serde(default)]
    pub shows: BTreeMap<String, String>,
    /// Headers of every request of an action, as soon as what they need is known.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Scenarios that cannot be held against it, each with the reason and where it is documented.
    #[serde(default)]
    pub exempt: BTreeMap<String, String>,
    /// What it can be asked to do.
    #[serde(default)]
    pub actions: BTreeMap<String, Action>,
    /// The folder of the description.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// How a server is started.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The program; none for a container.
    #[serde(default)]
    pub program: String,
    /// The image of a container, instead of a program.
    #[serde(default)]
    pub container: Option<Container>,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Programs to run before it in its environment, one after the other: what makes its first
    /// account.
    #[serde(default)]
    pub before: Vec<Vec<String>>,
    /// Its environment; nothing else is in it but `PATH` and `HOME`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Whether it takes no URL whose host is an IP address: then all servers have names.
    #[serde(default)]
    pub named: bool,
    /// Whether it needs an empty PostgreSQL database, as `{database}`.
    #[serde(default)]
    pub postgres: bool,
    /// Files to put beside what is installed: from this folder to that.
    #[serde(default)]
    pub copy: Option<Copy>,
    /// Files to write before the start: their paths and what is in them.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// What has to be there, and what to say when it is not.
    #[serde(default)]
    pub needs: BTreeMap<String, String>,
}

/// Actions that several descriptions share.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shared {
    actions: BTreeMap<String, Action>,
}

/// Files to copy before the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// The folder whose files are copied.
    pub from: String,
    /// The folder they are put into.
    pub into: String,
}

/// How a server says that it is there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// Answers with success once it is.
    pub url: String,
    /// Answers with JSON that has the version; otherwise that of `url` does.
    #[serde(default)]
    pub version_url: Option<String>,
    /// Where in it.
    #[serde(default)]
    pub version: Option<String>,
}

/// How an action is done: by requests, by a program, or not at all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Why it cannot be done, and where that is documented.
    #[serde(default)]
    pub unsupported: Option<String>,
    /// A program that reads JSON from its input and writes JSON.
    #[serde(default)]
    pub command: Vec<String>,
    /// Requests, one after the other.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// One request of an action.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// `POST http://{listen}/api/…`.
    pub request: String,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Parameters of the query, encoded by the harness.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// The JSON body.
    #[serde(default)]
    pub body: Option<Value>,
    /// Parameters of a form, instead of a JSON body.
    #[serde(default)]
    pub form: BTreeMap<String, String>,
    /// The statuses that mean success; every 2xx when empty.
    #[serde(default)]
    pub expect: Vec<u16>,
    /// Statuses that mean that the thing asked for is not there yet.
    #[serde(default)]
    pub empty: Vec<u16>,
    /// What to remember: a name and a JSON pointer, or `header:Name`. After a `?` it may be absent
    /// and is an empty list then.
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
    /// Keeps only those entries of captured lists that have these values at these pointers.
    #[serde(default)]
    pub only: BTreeMap<String, Value>,
    /// Does the request once for each entry of this list, as `{item}`; captured lists are joined.
    #[serde(default)]
    pub each: Option<String>,
}

impl Description {
    /// Reads a description.
    ///
    /// # Errors
    /// When it cannot be read, or says something that is not known.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, folder).with_context(|| path.display().to_string())
    }

    fn parse(text: &str, folder: &Path) -> Result<Self> {
        let mut read: Self = toml::from_str(text)?;
        folder.clone_into(&mut read.folder);
        ensure!(
            read.start.program.is_empty() == read.start.container.is_some(),
            "it needs one of `start.program` and `start.container`"
        );
        ensure!(
            read.start.container.is_none() || read.start.before.is_empty(),
            "what runs before a container is `start.container.before`"
        );
        ensure!(
            read.shows.keys().all(|kind| SHOWN.contains(&kind.as_str())),
            "`shows` has words for {} alone",
            SHOWN.join(" and ")
        );
        if let Some(file) = &read.include {
            let shared = std::fs::read_to_string(folder.join(file)).context(file.clone())?;
            let shared: Shared = toml::from_str(&shared).context(file.clone())?;
            for (name, action) in shared.actions {
                read.actions.entry(name).or_insert(action);
            }
        }
        for (name, action) in &read.actions {
            ensure!(
                ACTIONS.iter().any(|known| known == name),
                "there is no action {name:?}; those known are {}",
                ACTIONS.join(", ")
            );
            let does = !action.command.is_empty() || !action.steps.is_empty();
            if does == action.unsupported.is_some() {
                bail!(
                    "the action {name} needs either `command`, `steps` or both, or `unsupported`"
                );
            }
        }
        Ok(read)
    }

    /// Finds a description by its name among those that come along, or by its path.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn find(name: &str) -> Result<Self> {
        if Path::new(name).extension().is_some_and(|end| end == "toml") {
            return Self::read(Path::new(name));
        }
        let places = [folder(), folder().join("containers")];
        let mut paths = places
            .iter()
            .map(|place| place.join(format!("{name}.toml")));
        let Some(path) = paths.find(|path| path.exists()) else {
            let all = Self::all()?.into_iter().chain(Self::containers()?);
            let known: Vec<String> = all.map(|one| one.name).collect();
            bail!(
                "there is no subject {name:?}; those known are {}, or give the path of a TOML file",
                known.join(", ")
            );
        };
        Self::read(&path)
    }

    /// All descriptions that come along, by name.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn all() -> Result<Vec<Self>> {
        in_folder(&folder())
    }

    /// All descriptions of containers that come along, by name.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn containers() -> Result<Vec<Self>> {
        in_folder(&folder().join("containers"))
    }
}

fn in_folder(folder: &Path) -> Result<Vec<Description>> {
    let mut paths = Vec::new();
    let entries = std::fs::read_dir(folder);
    for entry in entries.with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let all = paths.iter().map(|path| Description::read(path));
    all.collect()
}

fn folder() -> PathBuf {
    place::package().join("subjects")
}

#[cfg(test)]
mod tests;
