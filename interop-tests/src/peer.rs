//! A released server of somebody else's, driven over its control routes.

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use serde_json::Value;
use serde_json::json;
use tokio::process::Command;

use crate::network::Front;
use crate::network::Network;
use crate::place;
use crate::port;
use crate::process::Process;
use crate::proxy::Proxy;
use crate::wait;

/// The servers that are tested against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fedify 2.3 (TypeScript): RFC 9421 first, draft-cavage after a refusal.
    Fedify,
    /// bovine 0.5 (Python): draft-cavage alone.
    Bovine,
}

impl Kind {
    /// Its name, which is also the name of its actor and of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fedify => "fedify",
            Self::Bovine => "bovine",
        }
    }

    fn command(self, network: &Network) -> Result<Command> {
        let script = place::package().join("peers").join(self.name());
        let mut command = match self {
            Self::Fedify => {
                let folder = place::peer("fedify", "node_modules/node/bin/node")?;
                // Packages are looked for beside the modules, so they have to lie there.
                for module in std::fs::read_dir(&script)? {
                    let module = module?;
                    if module.path().extension().is_some_and(|e| e == "mjs") {
                        place::copy(&module.path(), &folder.join(module.file_name()))?;
                    }
                }
                let mut command = Command::new(folder.join("node_modules/node/bin/node"));
                command
                    .arg(folder.join("peer.mjs"))
                    .env("NODE_EXTRA_CA_CERTS", network.authority());
                command
            }
            Self::Bovine => {
                let folder = place::peer("bovine", "bin/python")?;
                let mut command = Command::new(folder.join("bin/python"));
                command
                    .arg(script.join("peer.py"))
                    .env("SSL_CERT_FILE", network.authority());
                command
            }
        };
        command.env("NO_PROXY", "*");
        Ok(command)
    }
}

/// How a peer sends something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// At once, as it does by itself.
    Now,
    /// At once, with an integrity proof where it puts none by itself.
    Proven,
    /// By the queue of its library.
    Queued,
}

/// A running peer with one actor.
#[derive(Debug)]
pub struct Peer {
    /// Which server it is.
    pub kind: Kind,
    /// The actor's id.
    pub actor: String,
    /// The actor's handle, `@name@host`.
    pub handle: String,
    http: reqwest::Client,
    control: String,
    process: Process,
    front: Front,
}

impl Peer {
    /// Starts a peer on `network`, waits until it answers, and sees it refuse what nobody signed.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub async fn start(kind: Kind, network: &Network) -> Result<Self> {
        let port = port::free()?;
        let front = network.front(kind.name(), port).await?;
        Self::start_behind(kind, network, (port, front), &[]).await
    }

    /// As [`Peer::start`], behind a proxy that can cut it off from the other servers, and saying in
    /// its NodeInfo that its software is called `software`: by that some choose what to tell it.
    ///
    /// # Errors
    /// As [`Peer::start`].
    pub async fn start_as(kind: Kind, network: &Network, software: &str) -> Result<(Self, Proxy)> {
        let port = port::free()?;
        let (front, proxy) = network.record(kind.name(), port, false).await?;
        let settings = [("PEER_SOFTWARE", software)];
        let peer = Self::start_behind(kind, network, (port, front), &settings).await?;
        Ok((peer, proxy))
    }

    async fn start_behind(
        kind: Kind,
        network: &Network,
        (port, front): (u16, Front),
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let folder = network.folder(kind.name())?;
        let mut command = kind.command(network)?;
        command
            .envs(settings.iter().copied())
            .env("PEER_ORIGIN", front.origin())
            .env("PEER_NAME", kind.name())
            .env("PEER_PORT", port.to_string())
            .env("PEER_DATA", &folder);
        let mut process = Process::start(kind.name(), &mut command, &folder.join("log"))?;
        let http = network.client()?;
        let control = format!("http://127.0.0.1:{port}/control");
        let ready: Value = wait::until(kind.name(), || {
            let (alive, asked) = (process.check(), http.get(format!("{control}/ready")).send());
            async move {
                alive?;
                match asked.await {
                    Ok(answer) => Ok(Some(answer.json().await?)),
                    Err(_) => Ok(None),
                }
            }
        })
        .await?;
        let text = |name: &str| ready[name].as_str().map(str::to_owned).context("no actor");
        let (actor, handle) = (text("actor")?, text("handle")?);
        let peer = Self {
            kind,
            actor,
            handle,
            http,
            control,
            process,
            front,
        };
        if !peer.refuses_unsigned().await? {
            bail!(
                "{} takes unsigned activities, so it would prove nothing",
                kind.name()
            );
        }
        Ok(peer)
    }

    /// The origin of its ids.
    pub fn origin(&self) -> String {
        self.front.origin()
    }

    /// Looks up a handle with the peer's own WebFinger client.
    ///
    /// # Errors
    /// When the peer fails.
    pub async fn lookup(&self, handle: &str) -> Result<Option<String>> {
        let request = self
            .http
            .get(format!("{}/lookup", self.control))
            .query(&[("handle", handle)]);
        Ok(self.answer(request).await?["actor"]
            .as_str()
            .map(str::to_owned))
    }

    /// Sends a Follow; gives its id.
    ///
    /// # Errors
    /// When the target does not take it.
    pub async fn follow(&self, target: &str) -> Result<String> {
        self.command("follow", &json!({ "target": target }), "activity")
            .await
    }

    /// Sends a direct message; gives the id of the Note.
    ///
    /// # Errors
    /// When the target does not take it.
    pub async fn dm(&self, target: &str, content: &str) -> Result<String> {
        self.command(
            "dm",
            &json!({ "target": target, "content": content }),
            "object",
        )
        .await
    }

    /// Sends an Update of a Note.
    ///
    /// # Errors
    /// When the target does not take it.
    pub async fn edit(&self, target: &str, object: &str, content: &str) -> Result<String> {
        let body = json!({ "target": target, "object": object, "content": content });
        self.command("edit", &body, "activity").await
    }

    /// Sends a Delete of a Note.
    ///
    /// # Errors
    /// When the target does not take it.
    pub async fn delete(&self, target: &str, object: &str) -> Result<String> {
        self.command(
            "delete",
            &json!({ "target": target, "object": object }),
            "activity",
        )
        .await
    }

    /// Has its actor send an activity to `target`; gives the ids of the activity and of its object,
    /// each null when it has none. With `queued` it goes by the queue of the peer's library, which
    /// tries again and does not tell how that ends.
    ///
    /// # Errors
    /// When the peer cannot, or, without a queue, when the target does not take it.
    pub async fn send(&self, target: &str, activity: &Value, how: Sending) -> Result<Value> {
        let mut body = json!({ "activity": activity, "targets": [target] });
        match how {
            Sending::Now => {}
            Sending::Proven => body["proof"] = json!(true),
            Sending::Queued => body["queued"] = json!(true),
        }
        let request = self.http.post(format!("{}/send", self.control));
        let answer = self.answer(request.json(&body)).await?;
        let outcomes = answer["outcomes"].as_array().cloned().unwrap_or_default();
        let taken = |one: &Value| matches!(one["status"].as_u64(), Some(200..300));
        let is_taken = !outcomes.is_empty() && outcomes.iter().all(taken);
        if how != Sending::Queued && !is_taken {
            bail!("{} was not taken: {answer}", activity["type"]);
        }
        Ok(answer)
    }

    /// Everything that passed the peer's signature check, oldest first.
    ///
    /// # Errors
    /// When the peer fails.
    pub async fn received(&self) -> Result<Vec<Value>> {
        let answer = self
            .answer(self.http.get(format!("{}/received", self.control)))
            .await?;
        Ok(answer["items"].as_array().cloned().unwrap_or_default())
    }

    /// Waits for the first activity of type `kind` whose text contains `part`.
    ///
    /// # Errors
    /// When none comes in time; the message lists what came.
    pub async fn expect(&self, kind: &str, part: &str) -> Result<Value> {
        let found = wait::until(&format!("{kind} with {part}"), || async {
            let all = self.received().await?;
            let fits = |a: &Value| a["type"] == kind && a.to_string().contains(part);
            Ok(all.into_iter().find(fits))
        })
        .await;
        match found {
            Ok(activity) => Ok(activity),
            Err(error) => {
                let all = Value::from(self.received().await?);
                bail!(
                    "{}: {error}; came: {all:#}\n{}",
                    self.kind.name(),
                    self.process.log_tail()
                )
            }
        }
    }

    async fn refuses_unsigned(&self) -> Result<bool> {
        let actor = self
            .http
            .get(&self.actor)
            .header("accept", "application/activity+json");
        let actor = self.answer(actor).await?;
        let inbox = actor["inbox"]
            .as_str()
            .context("the peer's actor has no inbox")?;
        let forged = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": "https://127.0.0.1/forged", "type": "Follow",
            "actor": "https://127.0.0.1/nobody", "object": self.actor,
        });
        let request = self
            .http
            .post(inbox)
            .header("content-type", "application/activity+json");
        let answer = request.body(forged.to_string()).send().await?;
        let came = self.received().await?;
        Ok(answer.status() == 401 && came.iter().all(|activity| activity["id"] != forged["id"]))
    }

    async fn command(&self, name: &str, body: &Value, result: &str) -> Result<String> {
        let answer = self
            .answer(
                self.http
                    .post(format!("{}/{name}", self.control))
                    .json(body),
            )
            .await?;
        let id = answer[result]
            .as_str()
            .with_context(|| format!("{name} gave {answer}"))?;
        Ok(id.to_owned())
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let response = request.send().await?;
        let (status, text) = (response.status(), response.text().await?);
        if !status.is_success() {
            bail!(
                "{} answered {status}: {text}\n{}",
                self.kind.name(),
                self.process.log_tail()
            );
        }
        serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
    }
}
