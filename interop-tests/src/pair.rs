//! A subject and a peer on one network, on which one scenario after another is run.

use anyhow::Context as _;
use anyhow::Result;
use anyhow::ensure;
use serde_json::Value;
use serde_json::json;
use tokio::sync::OnceCell;

use crate::adapter::Description;
use crate::control::Control;
use crate::hostile::ACTIVITY_JSON;
use crate::hostile::Hostile;
use crate::hostile::inbox_of;
use crate::network::Network;
use crate::outcome::Outcome;
use crate::outcome::Stop;
use crate::server::Server;

/// How a pair is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether the proxies end TLS themselves, so that heads are kept as they were sent.
    pub raw: bool,
    /// More environment of the subject.
    pub subject: Vec<(String, String)>,
    /// More environment of the peer.
    pub peer: Vec<(String, String)>,
}

/// A running subject and a running peer.
#[derive(Debug)]
pub struct Pair {
    /// The server under test.
    pub subject: Server,
    /// The server that it is tested with.
    pub peer: Server,
    /// The peer's control routes.
    pub control: Control,
    /// What the peer says about itself.
    pub ready: Value,
    hostile: OnceCell<[Hostile; 2]>,
    // Last, so that its folder goes after the servers that write into it.
    network: Network,
}

impl Pair {
    /// Starts both, and sees the peer refuse what nobody signed.
    ///
    /// # Errors
    /// When one does not start, or the peer takes unsigned activities.
    pub async fn start(
        subject: &Description,
        peer: &Description,
        options: &Options,
    ) -> Result<Self> {
        let network = if subject.start.named || peer.start.named {
            Network::start_named().await?
        } else {
            Network::start().await?
        };
        let mut peer = peer.clone();
        if peer.name == subject.name {
            peer.name = format!("{}-peer", peer.name);
        }
        let (for_subject, for_peer) = (borrow(&options.subject), borrow(&options.peer));
        let (subject, peer) = tokio::try_join!(
            Server::start(subject.clone(), &network, options.raw, &for_subject),
            Server::start(peer, &network, options.raw, &for_peer),
        )?;
        let control = Control::new(peer.name(), &peer.control()?, peer.http().clone());
        let ready = control.get("ready").await;
        let ready = ready.map_err(|stop| anyhow::anyhow!("{stop}"))?;
        let pair = Self {
            subject,
            peer,
            control,
            ready,
            hostile: OnceCell::new(),
            network,
        };
        pair.refuses_unsigned().await?;
        Ok(pair)
    }

    /// Two hostile servers: one that attacks, and one that is a victim.
    ///
    /// # Errors
    /// When they cannot be started.
    pub async fn hostile(&self) -> Result<&[Hostile; 2]> {
        let start = || async {
            let mallory = Hostile::start(&self.network, "mallory").await?;
            let victim = Hostile::start(&self.network, "victim").await?;
            anyhow::Ok([mallory, victim])
        };
        self.hostile.get_or_try_init(start).await
    }

    /// Stops when the peer says that it lacks something.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] in that case, with the reason that it gives.
    pub fn peer_supports(&self, what: &str) -> Outcome {
        let listed = |name: &str| {
            let list = self.ready[name].as_array();
            list.is_some_and(|list| list.iter().any(|one| one == what))
        };
        if listed("supports") || listed("schemes") {
            return Ok(());
        }
        let reason = self.ready["unsupported"][what].as_str();
        let silent = format!("it does not say that it supports {what} (its control route `ready`)");
        Err(Stop::lacks(self.peer.name(), reason.unwrap_or(&silent)))
    }

    async fn refuses_unsigned(&self) -> Result<()> {
        let http = self.peer.http();
        let actor = self.ready["actor"].as_str();
        let actor = actor.context("the peer has no actor")?;
        let inbox = match self.ready["inbox"].as_str() {
            // One that shows its actors to nobody who does not sign says where.
            Some(inbox) => inbox.to_owned(),
            None => inbox_of(http, actor).await?,
        };
        let forged = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": "https://127.0.0.1/forged", "type": "Follow",
            "actor": "https://127.0.0.1/nobody", "object": actor,
        });
        let request = http.post(inbox).header("content-type", ACTIVITY_JSON);
        let status = request.body(forged.to_string()).send().await?.status();
        ensure!(
            status == 401 || status == 403,
            "{} answers {status} to an unsigned activity, so it would prove nothing",
            self.peer.name()
        );
        Ok(())
    }
}

fn borrow(list: &[(String, String)]) -> Vec<(&str, &str)> {
    list.iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}
