//! The inbox of the crate `activitypub_federation`, with everything it asks for in memory: no
//! database, no lookup of names (its `debug` switches that off).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use activitypub_federation::axum::inbox::{ActivityData, receive_activity};
use activitypub_federation::config::{Data, FederationConfig};
use activitypub_federation::error::Error;
use activitypub_federation::fetch::object_id::ObjectId;
use activitypub_federation::protocol::context::WithContext;
use activitypub_federation::traits::{Activity, Actor, Object};
use axum::body::Body;
use axum::extract::FromRequest as _;
use http::Request;
use serde::{Deserialize, Serialize};
use url::Url;

use super::ACTIVITIES;
use super::cost::{Cost, Meter};
use super::world::{Posted, World};

const AT_ONCE: usize = 64;

#[derive(Clone, Debug, Default)]
struct Known {
    actors: Arc<HashMap<Url, Peer>>,
    received: Arc<Mutex<Vec<Url>>>,
}

#[derive(Clone, Debug)]
struct Peer {
    id: Url,
    pem: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct Person {
    id: Url,
}

#[derive(Debug, Deserialize, Serialize)]
struct Create {
    id: Url,
    #[serde(rename = "type")]
    kind: String,
    actor: ObjectId<Peer>,
    object: serde_json::Value,
}

#[async_trait::async_trait]
impl Object for Peer {
    type DataType = Known;
    type Kind = Person;
    type Error = Error;

    fn id(&self) -> &Url {
        &self.id
    }

    async fn read_from_id(id: Url, data: &Data<Known>) -> Result<Option<Self>, Error> {
        Ok(data.actors.get(&id).cloned())
    }

    async fn into_json(self, _: &Data<Known>) -> Result<Person, Error> {
        Ok(Person { id: self.id })
    }

    async fn verify(_: &Person, _: &Url, _: &Data<Known>) -> Result<(), Error> {
        Ok(())
    }

    async fn from_json(json: Person, _: &Data<Known>) -> Result<Self, Error> {
        Ok(Self {
            id: json.id,
            pem: String::new(),
        })
    }
}

impl Actor for Peer {
    fn public_key_pem(&self) -> &str {
        &self.pem
    }

    fn private_key_pem(&self) -> Option<String> {
        None
    }

    fn inbox(&self) -> Url {
        self.id.clone()
    }
}

#[async_trait::async_trait]
impl Activity for Create {
    type DataType = Known;
    type Error = Error;

    fn id(&self) -> &Url {
        &self.id
    }

    fn actor(&self) -> &Url {
        self.actor.inner()
    }

    async fn verify(&self, _: &Data<Known>) -> Result<(), Error> {
        Ok(())
    }

    async fn receive(self, data: &Data<Known>) -> Result<(), Error> {
        data.received.lock().unwrap().push(self.id);
        Ok(())
    }
}

/// CPU per activity with so many known peers.
pub(super) async fn measure(world: &World, peers: usize) -> Cost {
    let peer = |number| {
        let (id, pem) = (World::actor(number), world.pem(number).to_owned());
        (id.clone(), Peer { id, pem })
    };
    let known = Known {
        actors: Arc::new((0..peers).map(peer).collect()),
        ..Known::default()
    };
    let config = FederationConfig::builder()
        .domain("here.example")
        .app_data(known.clone())
        .debug(true)
        .build()
        .await
        .unwrap();
    let mut shares = vec![Vec::new(); AT_ONCE];
    let posts = world.posts("theirs", ACTIVITIES, peers);
    for (number, posted) in posts.into_iter().enumerate() {
        shares[number % AT_ONCE].push(posted);
    }
    let meter = Meter::start();
    let tasks: Vec<_> = shares
        .into_iter()
        .map(|share| tokio::spawn(take(config.clone(), share)))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let cost = meter.stop(ACTIVITIES);
    assert_eq!(known.received.lock().unwrap().len(), ACTIVITIES);
    cost
}

async fn take(config: FederationConfig<Known>, share: Vec<Posted>) {
    for posted in share {
        let mut request = Request::post("/inbox")
            .body(Body::from(posted.body))
            .unwrap();
        *request.headers_mut() = posted.headers;
        let activity = ActivityData::from_request(request, &()).await.unwrap();
        let data = config.to_request_data();
        receive_activity::<WithContext<Create>, Peer, Known>(activity, &data)
            .await
            .unwrap();
    }
}
