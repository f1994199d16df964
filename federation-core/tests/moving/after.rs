//! The application after: inbox, queue and client of this crate.

use std::sync::Arc;

use activitypub_federation::config::{Data, FederationConfig, FederationMiddleware};
use activitypub_federation::protocol::context::WithContext;
use activitypub_federation::traits::Actor as _;
use axum::routing::{get, post};
use axum::{Extension, Router};
use federation_core::compat::{ActivityData, Compat, CompatError, PemKeys, receive_activity};
use federation_core::federation::{Federation, FederationStore, FixedKeys, MemoryStore};
use reqwest_middleware::ClientWithMiddleware;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::app::{Accept, App, AppError, Follow, Send, Served, User, show_user};

struct OurQueue<S: FederationStore>(Compat<S>);

#[async_trait::async_trait]
impl<S: FederationStore> Send for OurQueue<S> {
    async fn send(
        &self,
        activity: WithContext<Accept>,
        actor: &User,
        inboxes: Vec<Url>,
        _: &Data<App>,
    ) -> Result<(), AppError> {
        Ok(self.0.queue_activity(&activity, actor, inboxes).await?)
    }
}

async fn inbox<S: FederationStore>(
    Extension(compat): Extension<Compat<S>>,
    data: Data<App>,
    activity: ActivityData,
) -> Result<(), CompatError<AppError>> {
    receive_activity::<WithContext<Follow>, S>(activity, &compat, &data).await
}

pub(crate) async fn serve<S: FederationStore>(store: S) -> Served {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let origin = format!("http://localhost:{port}").parse().unwrap();
    serve_on(listener, origin, store).await
}

/// The same server once more, with nothing of its own but the database.
pub(crate) async fn restart<S: FederationStore>(old: Served, store: S) -> Served {
    old.serving.abort();
    let _ended = old.serving.await;
    let port = old.origin.port().unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await;
    serve_on(listener.unwrap(), old.origin, store).await
}

/// The client that the application gives to its configuration.
pub(crate) async fn client() -> ClientWithMiddleware {
    let origin: Url = "http://localhost:1".parse().unwrap();
    let builder = Federation::builder(origin, MemoryStore::new()).on_loopback();
    let compat = Compat::build(builder.keys(FixedKeys::default())).await;
    compat.unwrap().client().unwrap()
}

async fn serve_on<S: FederationStore>(
    listener: tokio::net::TcpListener,
    origin: Url,
    store: S,
) -> Served {
    // The application's users, for the keys and for itself.
    let users = App::new(&origin, Arc::new(crate::before::TheirQueue)).users;
    let own = Arc::clone(&users);
    let keys = PemKeys::new(move |actor| {
        let user = own.lock().unwrap().get(&actor).cloned();
        async move { Ok(user.and_then(|user| user.private_key_pem())) }
    });
    let builder = Federation::builder(origin.clone(), store).on_loopback();
    let builder = builder.fetches_as(origin.join("/users/bob").unwrap());
    let compat = Compat::build(builder.keys(keys)).await.unwrap();
    let app = App {
        users,
        follows: Arc::default(),
        sending: Arc::new(OurQueue(compat.clone())),
    };
    let config = FederationConfig::builder()
        .domain(format!("localhost:{}", origin.port().unwrap()))
        .app_data(app)
        .client(compat.client().unwrap())
        .debug(true)
        .build()
        .await
        .unwrap();
    let routes = Router::new()
        .route("/users/{name}", get(show_user))
        .route("/users/{name}/inbox", post(inbox::<S>))
        .layer(Extension(compat.clone()))
        .layer(FederationMiddleware::new(config.clone()));
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
    tokio::spawn(async move { compat.run(CancellationToken::new()).await });
    Served {
        origin,
        config,
        serving,
    }
}
