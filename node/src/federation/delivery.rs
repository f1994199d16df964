//! The worker that sends what features have queued.

use std::sync::Arc;

use federation_core::outbox::sql::{BeforeSettling, OnSettled, SqlDeliveryStore};
use federation_core::outbox::{DeliveryWorker, KeySource, KeySourceError, WorkerConfig};
use federation_core::signature::SigningKey;
use futures_util::future::BoxFuture;
use url::Url;

use super::Edge;
use super::keys::{LocalKeyError, LocalKeys};
use crate::messages;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// Delivers until the server stops.
pub async fn deliver(ctx: Ctx, edge: Edge) {
    let shutdown = ctx.tasks().shutdown().clone();
    let told = ctx.clone();
    let on_settled: OnSettled = Arc::new(move |connection, settled| {
        messages::federate::on_settled(&told, connection, settled)
    });
    // What settles writes events; who sends takes their lock first too.
    let before_settling: BeforeSettling =
        Arc::new(|connection| EventLog::begin(connection).map(drop));
    let store = SqlDeliveryStore::new(ctx.db().clone())
        .on_settled(on_settled)
        .before_settling(before_settling);
    let worker = DeliveryWorker::new(
        Arc::new(store),
        Arc::clone(edge.transport()),
        Arc::new(edge.keys().clone()),
        Arc::clone(ctx.clock()),
        WorkerConfig::default(),
    );
    worker.run(shutdown).await;
}

impl KeySource for LocalKeys {
    /// RSA: what every server of the fediverse verifies.
    fn signing_key<'a>(
        &'a self,
        actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>> {
        Box::pin(async move {
            let keys = self.of(actor_id).await;
            keys.map(|keys| keys.rsa).map_err(|error| KeySourceError {
                // A key ring can be restored from a backup; a damaged row stays damaged.
                retryable: !matches!(error, LocalKeyError::Incomplete { .. }),
                reason: error.to_string(),
            })
        })
    }
}
