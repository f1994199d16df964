//! The application before: inbox and queue of `activitypub_federation`.

use std::sync::Arc;

use activitypub_federation::activity_queue::queue_activity;
use activitypub_federation::axum::inbox::{ActivityData, receive_activity};
use activitypub_federation::config::{Data, FederationConfig, FederationMiddleware};
use activitypub_federation::protocol::context::WithContext;
use axum::Router;
use axum::routing::{get, post};
use url::Url;

use crate::app::{Accept, App, AppError, Follow, Send, Served, User, show_user};

pub(crate) struct TheirQueue;

#[async_trait::async_trait]
impl Send for TheirQueue {
    async fn send(
        &self,
        activity: WithContext<Accept>,
        actor: &User,
        inboxes: Vec<Url>,
        data: &Data<App>,
    ) -> Result<(), AppError> {
        queue_activity(&activity, actor, inboxes, data).await?;
        Ok(())
    }
}

async fn inbox(data: Data<App>, activity: ActivityData) -> Result<(), AppError> {
    receive_activity::<WithContext<Follow>, User, App>(activity, &data).await
}

pub(crate) async fn serve() -> Served {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let origin: Url = format!("http://localhost:{port}").parse().unwrap();
    let config = FederationConfig::builder()
        .domain(format!("localhost:{port}"))
        .app_data(App::new(&origin, Arc::new(TheirQueue)))
        .debug(true)
        .build()
        .await
        .unwrap();
    let routes = Router::new()
        .route("/users/{name}", get(show_user))
        .route("/users/{name}/inbox", post(inbox))
        .layer(FederationMiddleware::new(config.clone()));
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
    Served {
        origin,
        config,
        serving,
    }
}
