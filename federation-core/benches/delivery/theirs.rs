//! The crate `activitypub_federation` at the same work.
//!
//! Its queue is a task per delivery that calls `SendActivityTask::sign_and_send`; that is done
//! here, since the queue itself refuses ports and names that the public DNS does not know. Nothing
//! is stored: what it has not sent is lost with the process.

use std::sync::Arc;
use std::time::Duration;

use activitypub_federation::activity_sending::SendActivityTask;
use activitypub_federation::config::{Data, FederationConfig};
use activitypub_federation::http_signatures::generate_actor_keypair;
use activitypub_federation::traits::{Activity, Actor, Object};
use async_trait::async_trait;
use federation_core::fetch::client::NameLookup as _;
use reqwest::Certificate;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest_middleware::ClientWithMiddleware;
use serde::Serialize;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use url::Url;

use crate::cpu;
use crate::network::{Loopback, Network, name};
use crate::ours;

#[derive(Debug)]
struct Sender {
    id: Url,
    private_key: String,
    public_key: String,
}

#[derive(Debug)]
struct Never;

#[async_trait]
impl Object for Sender {
    type DataType = ();
    type Kind = ();
    type Error = Never;

    fn id(&self) -> &Url {
        &self.id
    }

    async fn read_from_id(_id: Url, _data: &Data<()>) -> Result<Option<Self>, Never> {
        Ok(None)
    }

    async fn into_json(self, _data: &Data<()>) -> Result<(), Never> {
        Err(Never)
    }

    async fn verify(_json: &(), _domain: &Url, _data: &Data<()>) -> Result<(), Never> {
        Err(Never)
    }

    async fn from_json(_json: (), _data: &Data<()>) -> Result<Self, Never> {
        Err(Never)
    }
}

impl Actor for Sender {
    fn public_key_pem(&self) -> &str {
        &self.public_key
    }

    fn private_key_pem(&self) -> Option<String> {
        Some(self.private_key.clone())
    }

    fn inbox(&self) -> Url {
        self.id.clone()
    }
}

/// The same document as the other queue posts.
#[derive(Debug)]
struct Post {
    id: Url,
    actor: Url,
    document: serde_json::Value,
}

impl Serialize for Post {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document.serialize(serializer)
    }
}

#[async_trait]
impl Activity for Post {
    type DataType = ();
    type Error = Never;

    fn id(&self) -> &Url {
        &self.id
    }

    fn actor(&self) -> &Url {
        &self.actor
    }

    async fn verify(&self, _data: &Data<()>) -> Result<(), Never> {
        Err(Never)
    }

    async fn receive(self, _data: &Data<()>) -> Result<(), Never> {
        Err(Never)
    }
}

struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let found = Loopback.lookup(name.as_str().to_owned());
        Box::pin(async move {
            let found = found.await?;
            let addresses = found.into_iter().map(|address| (address, 0).into());
            let addresses: Addrs = Box::new(addresses.collect::<Vec<_>>().into_iter());
            Ok(addresses)
        })
    }
}

/// CPU per delivery.
pub(crate) fn deliver(network: &Network, path: &str, hosts: usize, rounds: usize) -> Duration {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let authority = std::fs::read(network.authority()).unwrap();
        let client = reqwest::Client::builder()
            .tls_certs_merge([Certificate::from_pem(&authority).unwrap()])
            .dns_resolver(Arc::new(Names))
            .build()
            .unwrap();
        let config = FederationConfig::builder()
            .domain("here.example")
            .app_data(())
            .client(ClientWithMiddleware::from(client))
            .debug(true)
            .build()
            .await
            .unwrap();
        let data = config.to_request_data();
        let keys = generate_actor_keypair().unwrap();
        let sender = Sender {
            id: ours::url("https://here.example/users/alice"),
            private_key: keys.private_key,
            public_key: keys.public_key,
        };
        let inboxes: Vec<Url> = (0..hosts)
            .map(|host| ours::url(&format!("https://{}:{}{path}", name(host), network.port())))
            .collect();
        let send = async |round: usize| {
            let name = format!("theirs{round}");
            let post = Post {
                id: ours::url(&format!("https://here.example/activities/{name}")),
                actor: sender.id.clone(),
                document: serde_json::from_str(&ours::body(&name)).unwrap(),
            };
            let tasks = SendActivityTask::prepare(&post, &sender, inboxes.clone(), &data)
                .await
                .unwrap();
            assert_eq!(tasks.len(), hosts);
            let mut running = JoinSet::new();
            for task in tasks {
                let data = config.to_request_data();
                // As many at once as the other queue has under way.
                while running.len() >= 256 {
                    running.join_next().await;
                }
                running.spawn(async move { task.sign_and_send(&data).await.unwrap() });
            }
            running.join_all().await;
        };
        send(rounds).await;
        let begin = cpu::now();
        for round in 0..rounds {
            send(round).await;
        }
        cpu::each(begin, u32::try_from(hosts * rounds).unwrap())
    })
}
