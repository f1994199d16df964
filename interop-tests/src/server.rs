//! A server started as its description says, with TLS and a recording proxy in front of it.

use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::ensure;
use serde_json::Value;
use tokio::process::Command;

use crate::adapter::Description;
use crate::adapter::container;
use crate::adapter::perform::perform;
use crate::adapter::template::Values;
use crate::adapter::template::fill;
use crate::network::Front;
use crate::network::Network;
use crate::outcome::Stop;
use crate::place;
use crate::port;
use crate::postgres;
use crate::process::Process;
use crate::process::run;
use crate::proxy::Proxy;
use crate::wait;

/// A running server of a description.
#[derive(Debug)]
pub struct Server {
    /// Its description.
    pub description: Description,
    /// What it says its version is.
    pub version: String,
    /// What was put down and can be spoilt between the world and it.
    pub proxy: Proxy,
    values: Values,
    folder: PathBuf,
    http: reqwest::Client,
    front: Front,
    process: Option<Process>,
    beside: Vec<Process>,
    /// Names of containers, which an engine does not end with the program that started them.
    containers: Vec<String>,
    engine: &'static str,
}

impl Drop for Server {
    fn drop(&mut self) {
        for name in &self.containers {
            container::remove(self.engine, name);
        }
    }
}

impl Server {
    /// Starts it on `network` and waits until it is ready. `raw` lets the proxy end TLS, so that
    /// heads are written down as their senders wrote them; `more` is added to its environment.
    ///
    /// # Errors
    /// When something it needs is not there, or it does not become ready; the message has its log.
    pub async fn start(
        description: Description,
        network: &Network,
        raw: bool,
        more: &[(&str, &str)],
    ) -> Result<Self> {
        let name = description.name.clone();
        let port = port::free()?;
        let (front, proxy) = network.record(&name, port, raw).await?;
        let folder = network.folder(&format!("{name}-server"))?;
        let data = folder.join("data");
        std::fs::create_dir_all(&data)?;
        let database = if description.start.postgres {
            postgres::database().await?
        } else {
            String::new()
        };
        let http = network.client()?;
        let texts = [
            ("name", name.clone()),
            ("origin", front.origin()),
            ("host", front.authority()),
            ("port", port.to_string()),
            ("listen", format!("127.0.0.1:{port}")),
            ("data", data.display().to_string()),
            ("ca", network.authority().display().to_string()),
            ("database", database),
            ("package", place::package().display().to_string()),
            ("folder", description.folder.display().to_string()),
            (
                "installed",
                place::target().join("peers").display().to_string(),
            ),
        ];
        let mut values: Values = Values::new();
        for (name, text) in texts {
            values.insert(name.to_owned(), Value::String(text));
        }
        for (name, text) in database_parts(values.get("database"))? {
            values.insert(name.to_owned(), Value::String(text));
        }
        for name in ["spare_1", "spare_2"] {
            values.insert(name.to_owned(), Value::String(port::free()?.to_string()));
        }
        let mut engine = "";
        if description.start.container.is_some() {
            let found = container::engine().await;
            engine = found.with_context(|| {
                format!("{name} comes as an image, and neither podman nor docker answers")
            })?;
            let own = format!("interop-{name}-{port}");
            values.insert("engine".to_owned(), Value::from(engine));
            values.insert("container".to_owned(), Value::String(own));
        }
        if description.start.program == "{folkmoot}" {
            let built = place::subject()?.display().to_string();
            values.insert("folkmoot".to_owned(), Value::String(built));
        }
        let mut server = Self {
            description,
            version: String::new(),
            proxy,
            values,
            folder,
            http,
            front,
            process: None,
            beside: Vec::new(),
            containers: Vec::new(),
            engine,
        };
        for (path, text) in &server.description.start.files {
            let path = fill(path, &server.values)?;
            std::fs::write(&path, fill(text, &server.values)?).context(path)?;
        }
        if server.description.start.container.is_some() {
            server.spawn_containers(more).await?;
        } else {
            server.spawn(more).await?;
        }
        server.become_ready().await?;
        Ok(server)
    }

    async fn spawn(&mut self, more: &[(&str, &str)]) -> Result<()> {
        let start = &self.description.start;
        let name = &self.description.name;
        for (path, hint) in &start.needs {
            let path = fill(path, &self.values)?;
            ensure!(Path::new(&path).exists(), "{name} needs {path}: {hint}");
        }
        if let Some(copy) = &start.copy {
            let (from, into) = (
                fill(&copy.from, &self.values)?,
                fill(&copy.into, &self.values)?,
            );
            copy_files(Path::new(&from), Path::new(&into))?;
        }
        for words in &start.before {
            let (program, arguments) = words
                .split_first()
                .context("`before` has a program without a name")?;
            run(&mut self.command(program, arguments, more)?).await?;
        }
        let mut command = self.command(&start.program, &start.args, more)?;
        let log = self.folder.join("log");
        self.process = Some(Process::start(name, &mut command, &log)?);
        Ok(())
    }

    /// A program in the environment of the server.
    fn command(&self, program: &str, args: &[String], more: &[(&str, &str)]) -> Result<Command> {
        let mut command = Command::new(fill(program, &self.values)?);
        command.current_dir(&self.folder).env_clear();
        for kept in ["PATH", "HOME"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        for argument in args {
            command.arg(fill(argument, &self.values)?);
        }
        for (variable, value) in &self.description.start.env {
            command.env(variable, fill(value, &self.values)?);
        }
        command.envs(more.iter().copied());
        Ok(command)
    }

    async fn spawn_containers(&mut self, more: &[(&str, &str)]) -> Result<()> {
        let start = self.description.start.clone();
        let container = start.container.as_ref().context("it has no image")?;
        let own = fill("{container}", &self.values)?;
        let mut env = start.env.clone();
        env.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let log = self.folder.join("log");
        let command = |name: &str, image: Option<&str>, args: &[String]| {
            container.command(self.engine, (name, image), args, &env, &self.values)
        };
        for (place, args) in container.before.iter().enumerate() {
            run(&mut command(&format!("{own}-before-{place}"), None, args)?).await?;
        }
        let (mut beside, mut containers) = (Vec::new(), vec![own.clone()]);
        for (place, other) in container.beside.iter().enumerate() {
            let name = format!("{own}-beside-{place}");
            let mut command = command(&name, other.image.as_deref(), &other.args)?;
            containers.push(name.clone());
            beside.push(Process::start(&name, &mut command, &log)?);
        }
        let mut main = command(&own, None, &start.args)?;
        self.process = Some(Process::start(&own, &mut main, &log)?);
        self.beside = beside;
        self.containers = containers;
        Ok(())
    }

    async fn become_ready(&mut self) -> Result<()> {
        let ready = &self.description.ready;
        let url = fill(&ready.url, &self.values)?;
        let process = self.process.as_mut().context("it was not started")?;
        let name = &self.description.name;
        let waited = wait::until(&format!("{name} to become ready"), || {
            let (alive, asked) = (process.check(), self.http.get(&url).send());
            async move {
                alive?;
                let Ok(answer) = asked.await else {
                    return Ok(None);
                };
                if !answer.status().is_success() {
                    return Ok(None);
                }
                Ok(Some(answer.text().await.unwrap_or_default()))
            }
        })
        .await;
        let mut text = waited.map_err(|error| error.context(process.log_tail()))?;
        if let Some(url) = &ready.version_url {
            let url = fill(url, &self.values)?;
            text = self.http.get(url).send().await?.text().await?;
        }
        if let Some(pointer) = &ready.version {
            let document: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
            let version = document.pointer(pointer).and_then(Value::as_str);
            version
                .context("its version is not where the description says")?
                .clone_into(&mut self.version);
        }
        Ok(())
    }

    /// Does an action with these values beside those of the server.
    ///
    /// # Errors
    /// As [`perform`].
    pub async fn perform(&self, action: &str, more: &Values) -> Result<Values, Stop> {
        let mut values = self.values.clone();
        values.extend(more.clone());
        perform(&self.description, &self.http, action, values).await
    }

    /// Where its control routes are.
    ///
    /// # Errors
    /// When it has none, so that it cannot be a peer.
    pub fn control(&self) -> Result<String> {
        let name = &self.description.name;
        let control = self.description.control.as_ref();
        let control = control.with_context(|| {
            format!("{name} has no control routes in its description, so it cannot be a peer")
        })?;
        fill(control, &self.values)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// Its public origin.
    pub fn origin(&self) -> String {
        self.front.origin()
    }

    /// The host part of its handles.
    pub fn authority(&self) -> String {
        self.front.authority()
    }

    /// A client that trusts the network's certificates.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        let process = self.process.as_ref();
        process.map(Process::log_tail).unwrap_or_default()
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub async fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().await,
            None => Ok(()),
        }
    }
}

/// The parts of a database's URL, for servers that want each by itself.
fn database_parts(url: Option<&Value>) -> Result<Vec<(&'static str, String)>> {
    let Some(Ok(url)) = url.and_then(Value::as_str).map(url::Url::parse) else {
        return Ok(Vec::new());
    };
    let host = url.host_str().context("the database has no host")?;
    Ok(vec![
        ("database_host", host.to_owned()),
        ("database_port", url.port().unwrap_or(5432).to_string()),
        ("database_user", url.username().to_owned()),
        (
            "database_name",
            url.path().trim_start_matches('/').to_owned(),
        ),
    ])
}

/// Copies the files of a folder that are not there yet or differ. Each comes into place whole, so
/// that runs at the same time do not read halves.
fn copy_files(from: &Path, into: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (path, to) = (entry.path(), into.join(entry.file_name()));
        // What the installation took from there is left as it was installed.
        let code = path
            .extension()
            .is_some_and(|end| end == "mjs" || end == "js" || end == "py");
        if !code {
            continue;
        }
        let new = std::fs::read(&path)?;
        if std::fs::read(&to).is_ok_and(|old| old == new) {
            continue;
        }
        place::copy(&path, &to)?;
    }
    Ok(())
}
