//! The worker that sends what features have queued.

use std::sync::Arc;

use federation_core::fetch::Transport;
use federation_core::outbox::sql::{BeforeSettling, OnSettled, SqlDeliveryStore};
use federation_core::outbox::{DeliveryWorker, WorkerConfig};

use super::Edge;
use crate::departures;
use crate::messages;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// Delivers through `transport` until the server stops.
pub async fn deliver(ctx: Ctx, edge: Edge, transport: Arc<dyn Transport>) {
    let shutdown = ctx.tasks().shutdown().clone();
    let told = ctx.clone();
    let on_settled: OnSettled = Arc::new(move |connection, settled| {
        departures::federate::on_settled(&told, connection, settled)?;
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
        transport,
        Arc::new(edge.keys().clone()),
        Arc::clone(ctx.clock()),
        WorkerConfig::default(),
    );
    worker.run(shutdown).await;
}
