//! What the application is, whichever inbox and queue it has: its types with the traits of
//! `activitypub_federation`, its routes for documents, its database (here: in memory).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use activitypub_federation::axum::json::FederationJson;
use activitypub_federation::config::{Data, FederationConfig};
use activitypub_federation::fetch::object_id::ObjectId;
use activitypub_federation::http_signatures::generate_actor_keypair;
use activitypub_federation::protocol::context::WithContext;
use activitypub_federation::protocol::public_key::PublicKey;
use activitypub_federation::protocol::verification::verify_domains_match;
use activitypub_federation::traits::{Activity, Actor, Object};
use axum::extract::Path;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// The application's error, as its authors wrote it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error("{0}")]
    Federation(#[from] activitypub_federation::error::Error),
    #[error("{0}")]
    Queue(#[from] federation_core::store::StoreError),
}

impl IntoResponse for AppError {
    fn into_response(self) -> axum::response::Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}

/// Sends an activity; the one thing that the types need of the queue.
#[async_trait::async_trait]
pub(crate) trait Send: std::marker::Send + Sync {
    async fn send(
        &self,
        activity: WithContext<Accept>,
        actor: &User,
        inboxes: Vec<Url>,
        data: &Data<App>,
    ) -> Result<(), AppError>;
}

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) users: Arc<Mutex<HashMap<Url, User>>>,
    pub(crate) follows: Arc<Mutex<Vec<Url>>>,
    pub(crate) sending: Arc<dyn Send>,
}

/// A running application.
pub(crate) struct Served {
    pub(crate) origin: Url,
    pub(crate) config: FederationConfig<App>,
    pub(crate) serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Served {
    /// How many follows have had their effect.
    pub(crate) fn follows(&self) -> usize {
        self.config.follows.lock().unwrap().len()
    }

    pub(crate) async fn fetch(&self, id: &Url) -> Result<User, AppError> {
        let data = self.config.to_request_data();
        ObjectId::<User>::from(id.clone()).dereference(&data).await
    }

    pub(crate) fn bob(&self) -> Url {
        self.origin.join("/users/bob").unwrap()
    }

    pub(crate) fn inbox(&self) -> Url {
        self.origin.join("/users/bob/inbox").unwrap()
    }
}

impl App {
    /// An application with one user, bob.
    pub(crate) fn new(origin: &Url, sending: Arc<dyn Send>) -> Self {
        let keys = generate_actor_keypair().unwrap();
        let id = origin.join("/users/bob").unwrap();
        let bob = User {
            inbox: origin.join("/users/bob/inbox").unwrap(),
            public_key: keys.public_key,
            private_key: Some(keys.private_key),
            id: id.clone(),
        };
        Self {
            users: Arc::new(Mutex::new(HashMap::from([(id, bob)]))),
            follows: Arc::default(),
            sending,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: Url,
    pub(crate) inbox: Url,
    public_key: String,
    private_key: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Person {
    #[serde(rename = "type")]
    kind: String,
    id: Url,
    inbox: Url,
    public_key: PublicKey,
}

#[async_trait::async_trait]
impl Object for User {
    type DataType = App;
    type Kind = Person;
    type Error = AppError;

    fn id(&self) -> &Url {
        &self.id
    }

    async fn read_from_id(id: Url, data: &Data<App>) -> Result<Option<Self>, AppError> {
        Ok(data.users.lock().unwrap().get(&id).cloned())
    }

    async fn into_json(self, _: &Data<App>) -> Result<Person, AppError> {
        Ok(Person {
            kind: "Person".to_owned(),
            public_key: self.public_key(),
            id: self.id,
            inbox: self.inbox,
        })
    }

    async fn verify(json: &Person, expected: &Url, _: &Data<App>) -> Result<(), AppError> {
        Ok(verify_domains_match(&json.id, expected)?)
    }

    async fn from_json(json: Person, data: &Data<App>) -> Result<Self, AppError> {
        let user = Self {
            id: json.id,
            inbox: json.inbox,
            public_key: json.public_key.public_key_pem,
            private_key: None,
        };
        let mut users = data.users.lock().unwrap();
        users.insert(user.id.clone(), user.clone());
        Ok(user)
    }
}

impl Actor for User {
    fn public_key_pem(&self) -> &str {
        &self.public_key
    }

    fn private_key_pem(&self) -> Option<String> {
        self.private_key.clone()
    }

    fn inbox(&self) -> Url {
        self.inbox.clone()
    }
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Follow {
    #[serde(rename = "type")]
    kind: String,
    id: Url,
    actor: ObjectId<User>,
    object: ObjectId<User>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Accept {
    #[serde(rename = "type")]
    kind: String,
    id: Url,
    actor: ObjectId<User>,
    object: Value,
}

#[async_trait::async_trait]
impl Activity for Follow {
    type DataType = App;
    type Error = AppError;

    fn id(&self) -> &Url {
        &self.id
    }

    fn actor(&self) -> &Url {
        self.actor.inner()
    }

    async fn verify(&self, _: &Data<App>) -> Result<(), AppError> {
        Ok(())
    }

    async fn receive(self, data: &Data<App>) -> Result<(), AppError> {
        let (asking, followed) = (
            self.actor.dereference(data).await?,
            self.object.dereference_local(data).await?,
        );
        data.follows.lock().unwrap().push(self.id.clone());
        let number = self.id.path().rsplit('/').next().unwrap_or_default();
        let accept = Accept {
            kind: "Accept".to_owned(),
            id: followed.id.join(&format!("/accepts/{number}")).unwrap(),
            actor: followed.id.clone().into(),
            object: serde_json::json!(self.id),
        };
        let accept = WithContext::new_default(accept);
        let inboxes = vec![asking.shared_inbox_or_inbox()];
        data.sending.send(accept, &followed, inboxes, data).await
    }
}

#[async_trait::async_trait]
impl Activity for Accept {
    type DataType = App;
    type Error = AppError;

    fn id(&self) -> &Url {
        &self.id
    }

    fn actor(&self) -> &Url {
        self.actor.inner()
    }

    async fn verify(&self, _: &Data<App>) -> Result<(), AppError> {
        Ok(())
    }

    async fn receive(self, _: &Data<App>) -> Result<(), AppError> {
        Ok(())
    }
}

pub(crate) async fn show_user(
    Path(name): Path<String>,
    data: Data<App>,
) -> Result<FederationJson<WithContext<Person>>, AppError> {
    let path = format!("/users/{name}");
    let users = || {
        data.users
            .lock()
            .unwrap()
            .values()
            .cloned()
            .collect::<Vec<_>>()
    };
    let found = users().into_iter().find(|user| user.id.path() == path);
    let bob = found.ok_or(activitypub_federation::error::Error::NotFound)?;
    let person = bob.into_json(&data).await?;
    Ok(FederationJson(WithContext::new_default(person)))
}
